import { Table } from "@mpo/charts";
import { formatBytes, formatPoints, formatShare } from "@mpo/core";
import type { AdaptationView, PublishedModel } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../api/call.ts";
import { useLoad } from "../state/load.ts";
import { pathTo } from "../state/path-to.ts";
import { tenant } from "../state/who.ts";
import { Failure } from "../ui/failure.tsx";
import { Ago } from "../ui/figures.tsx";
import { Empty, Loading, Page, Section } from "../ui/page.tsx";

const PAGE_SIZE = 500;

/** Published models: their versions, where they run, and what devices have learned and share. */
export function ModelsPage(): VNode {
  const name = tenant.value;
  const models = useLoad(
    async (signal) => (await call("listPublishedModels", { tenant: name, pageSize: PAGE_SIZE }, signal)).models,
    { keys: [name], when: ({ kind }) => /^(?:model-|document-)/u.test(kind) },
  );
  const learned = useLoad(
    async (signal) => (await call("listAdaptations", { tenant: name, pageSize: PAGE_SIZE }, signal)).adaptations,
    { keys: [name], when: ({ kind }) => kind.startsWith("adaptation-") },
  );
  return (
    <Page title="Models">
      <Failure error={models.error} />
      {models.value === undefined && models.error === undefined && <Loading />}
      {models.value?.length === 0 && (
        <Empty title="No model has been published.">
          <p>
            Publish one, and roll it out: <code>mpo models publish FOLDER --name NAME</code>. Models that were put on
            devices by hand retrain all the same.
          </p>
        </Empty>
      )}
      {models.value !== undefined && models.value.length > 0 && <Versions models={models.value} />}
      <Section id="learned" title="What devices have learned of drifts">
        <Failure error={learned.error} />
        {learned.value?.length === 0 && (
          <p class="faint">Nothing is shared yet: a device shares what helped it, and others start from it.</p>
        )}
        {learned.value !== undefined && learned.value.length > 0 && <Learned adaptations={learned.value} />}
      </Section>
    </Page>
  );
}

function Versions({ models }: { readonly models: readonly PublishedModel[] }): VNode {
  const where = (filter: string): string => `/devices?where=${encodeURIComponent(filter)}`;
  return (
    <Table
      caption="Published versions"
      columns={[
        "Version",
        "Takes",
        { title: "Classes", isNumber: true },
        { title: "Accuracy", isNumber: true },
        { title: "Size", isNumber: true },
        { title: "Serve it", isNumber: true },
        { title: "Expected", isNumber: true },
        "Published",
        "By",
      ]}
      rows={models.map(({ name, version, summary, bytes, serving, expected, publishedAtMs, publisher }) => ({
        key: `${name}@${version}`,
        cells: [
          `${name}@${version}`,
          summary.takes,
          summary.classes,
          summary.accuracy === undefined ? "–" : formatShare(summary.accuracy),
          formatBytes(bytes),
          <a key="serving" href={where(`models has "${name}@${version}"`)}>
            {serving}
          </a>,
          expected,
          <Ago key="at" at={publishedAtMs} />,
          publisher,
        ],
      }))}
    />
  );
}

function Learned({ adaptations }: { readonly adaptations: readonly AdaptationView[] }): VNode {
  return (
    <Table
      caption="What devices have learned, newest first"
      columns={[
        "Model",
        "Device",
        "When",
        { title: "Accuracy before", isNumber: true },
        { title: "after", isNumber: true },
        { title: "points", isNumber: true },
        { title: "Helped", isNumber: true },
        { title: "Refused", isNumber: true },
        "Offered",
      ]}
      rows={adaptations.map((one) => ({
        key: one.adaptation,
        cells: [
          one.model,
          <a key="device" href={pathTo("devices", one.device)}>
            {one.device}
          </a>,
          <Ago key="at" at={one.receivedAtMs} />,
          formatShare(one.accuracyBefore),
          formatShare(one.accuracyAfter),
          formatPoints(one.accuracyAfter - one.accuracyBefore),
          one.helped,
          one.refused,
          one.isOffered ? "yes" : "no",
        ],
      }))}
    />
  );
}
