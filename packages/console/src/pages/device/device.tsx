import { describeRung, formatBytes, formatLeft, formatMs, formatVersion, hasCode } from "@mpo/core";
import type { DeviceView, ProbeFailure } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { enrolmentsOf } from "../../api/pages.ts";
import { now } from "../../state/clock.ts";
import { useLoad } from "../../state/load.ts";
import { tenant } from "../../state/who.ts";
import { EventTable } from "../../ui/events.tsx";
import { Failure } from "../../ui/failure.tsx";
import { Ago, Badge, Facts, Moment } from "../../ui/figures.tsx";
import { Empty, Loading, Page, Section } from "../../ui/page.tsx";
import { labelsOf, memoryOf, modelsOf } from "../devices/columns.tsx";
import { DOCUMENT_TONES, PRESENCE_TONES, presenceOf } from "../words.ts";
import { DeviceActions } from "./actions.tsx";
import { DriftSection } from "./drift.tsx";
import { ProfileSection } from "./profile.tsx";
import { ResourcesSection } from "./resources.tsx";
import { Why } from "./why.tsx";
import { WindowsSection } from "./windows.tsx";

/** Heartbeats come every ten seconds, and make no events. */
const REFRESH_MS = 10_000;
const SHOWN_EVENTS = 50;

/** One device: what it should run and what it reports, why, and what came of it. */
export function DevicePage({ name }: { readonly name: string }): VNode {
  const identity = { tenant: tenant.value, device: name };
  const isOf = (event: { readonly device?: string | undefined }): boolean => event.device === name;
  const found = useLoad((signal) => call("getDevice", { identity }, signal), {
    keys: [name, identity.tenant],
    when: isOf,
    everyMs: REFRESH_MS,
  });
  const { value, error } = found;
  if (value === undefined) {
    return (
      <Page title={name} above={<a href="/devices">Devices</a>}>
        {hasCode(error, "not-found") ? <Unknown name={name} /> : <Failure error={error} />}
        {error === undefined && <Loading />}
      </Page>
    );
  }
  return <Known key={name} name={name} found={value} isOf={isOf} error={error} reload={found.reload} />;
}

function Unknown({ name }: { readonly name: string }): VNode {
  return (
    <Empty title={`No device is called ${name}.`}>
      <p>
        It may wait to be let in: see <a href="/devices#pending">devices that ask to join</a>. It may have been removed:
        see <a href={`/audit?device=${encodeURIComponent(name)}`}>the audit</a>.
      </p>
    </Empty>
  );
}

interface KnownProps {
  readonly name: string;
  readonly found: Awaited<ReturnType<typeof call<"getDevice">>>;
  readonly isOf: (event: { readonly device?: string | undefined }) => boolean;
  readonly error: ReturnType<typeof useLoad>["error"];
  readonly reload: () => void;
}

function Known({ name, found, isOf, error, reload }: KnownProps): VNode {
  const { device, windows, probeFailures } = found;
  const { identity, desiredVersion } = device;
  const version = desiredVersion === undefined ? "none" : formatVersion(desiredVersion);
  const explained = useLoad(
    async (signal) => (version === "none" ? undefined : await call("explainConfig", { identity }, signal)),
    { keys: [name, version] },
  );
  const enrolment = useLoad(
    async (signal) =>
      (await enrolmentsOf(identity.tenant, "accepted", signal)).find((one) => one.identity.device === name),
    { keys: [name], when: isOf },
  );
  const events = useLoad(
    (signal) => call("listEvents", { ...identity, beforeSequence: 0, pageSize: SHOWN_EVENTS }, signal),
    { keys: [name], when: isOf },
  );
  const model = device.desiredModel ?? device.models[0]?.name;
  const presence = presenceOf(device);
  return (
    <Page
      title={name}
      above={
        <>
          <a href="/devices">Devices</a> · <Badge tone={PRESENCE_TONES[presence]}>{presence}</Badge> last seen{" "}
          <Ago at={device.lastSeenMs} />
        </>
      }
      actions={<DeviceActions device={device} enrolment={enrolment.value} onDone={reload} />}
    >
      <Failure error={error} />
      <nav class="parts" aria-label="Parts of this page">
        {["why", "profile", "windows", "drift", "resources", "events"].map((id) => (
          <a key={id} href={`#${id}`}>
            {id === "windows" ? "retrainings" : id}
          </a>
        ))}
      </nav>
      <Needs device={device} failures={probeFailures} />
      <Beside device={device} />
      <Failure error={explained.error} title="Why it trains like this is not known" />
      {explained.value !== undefined && <Why explained={explained.value} />}
      {model !== undefined && <ProfileSection key={model} device={name} model={model} />}
      <WindowsSection windows={windows} />
      <DriftSection name={name} isOf={isOf} />
      <ResourcesSection identity={identity} resources={device.resources} memoryBytes={device.inventory.memoryBytes} />
      <About device={device} certificateEndsAtMs={enrolment.value?.certificateEndsAtMs} />
      <Section
        id="events"
        title="Events"
        actions={<a href={`/audit?device=${encodeURIComponent(name)}`}>All in the audit</a>}
      >
        <Failure error={events.error} />
        {events.value !== undefined && (
          <EventTable events={events.value.events} caption={`Events of ${name}, newest first`} hasDevice={false} />
        )}
      </Section>
    </Page>
  );
}

/** What is wrong with it, first. */
function Needs({
  device,
  failures,
}: {
  readonly device: DeviceView;
  readonly failures: readonly ProbeFailure[];
}): VNode | null {
  if (device.conditions.length === 0 && failures.length === 0) return null;
  return (
    <section class="failure" aria-label="Needs a look">
      <ul class="plain-list">
        {device.conditions.map(({ code, sinceMs, message }) => (
          <li key={code}>
            <strong>{code.replaceAll("-", " ")}</strong>, since <Ago at={sinceMs} />: {message}
          </li>
        ))}
        {failures.map(({ model, failedAtMs, failures: times, message, receivedAtMs = failedAtMs }) => (
          <li key={model}>
            <strong>the probe of {model} failed</strong> <Ago at={receivedAtMs} />
            {times === 1 ? "" : `, ${times} times in a row`}: {message}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What it should run, beside what it has said of it. */
function Beside({ device }: { readonly device: DeviceView }): VNode {
  const { desiredVersion, desiredModel, reportedStatus: reported, identity, doing } = device;
  const version = desiredVersion === undefined ? "none" : formatVersion(desiredVersion);
  const { value: found, error } = useLoad(
    async (signal) => (version === "none" ? undefined : await call("getConfig", { identity }, signal)),
    { keys: [identity.device, version, reported?.state] },
  );
  const document = found?.document;
  const chosen = document?.rungs[document.chosenRung];
  const ran = reported?.rung === undefined ? undefined : document?.rungs[reported.rung];
  const isSame = reported !== undefined && formatVersion(reported.version) === version;
  return (
    <section class="beside" aria-label="Desired and reported">
      <Failure error={error} />
      <div class="card">
        <h2>Should run</h2>
        <Facts
          of={[
            ["configuration", version],
            desiredModel === undefined ? undefined : ["model", desiredModel],
            chosen === undefined ? undefined : ["trains with", <strong key="config">{describeRung(chosen)}</strong>],
            document === undefined
              ? undefined
              : [
                  document.budgetSource === "given" ? "budget, given" : "budget, by policy",
                  `${formatBytes(document.budget.memoryBytes)}, ${formatMs(document.budget.windowMs)}`,
                ],
            document === undefined ? undefined : ["issued", <Moment key="at" at={document.issuedAtMs} />],
          ]}
        />
      </div>
      <div class="card">
        <h2>Reports</h2>
        <Facts
          of={[
            [
              "configuration",
              reported === undefined ? (
                "no report yet"
              ) : (
                <span key="state">
                  {formatVersion(reported.version)}{" "}
                  <Badge tone={DOCUMENT_TONES[reported.state]}>{reported.state}</Badge>
                  {!isSame && " (an older one)"}
                </span>
              ),
            ],
            ran === undefined || !isSame ? undefined : ["rung in use", `${reported?.rung}: ${describeRung(ran)}`],
            reported === undefined || reported.message === "" ? undefined : ["says", reported.message],
            ["models", modelsOf(device) || "none"],
            [
              "busy with",
              doing === undefined
                ? "nothing"
                : `${{ probe: "measuring", window: "retraining", check: "checking" }[doing.kind]} ${doing.model}, up to ${formatLeft(Math.max(0, doing.untilMs - now.value))}`,
            ],
          ]}
        />
      </div>
    </section>
  );
}

function About({
  device,
  certificateEndsAtMs,
}: {
  readonly device: DeviceView;
  readonly certificateEndsAtMs: number | undefined;
}): VNode {
  const { inventory } = device;
  return (
    <Section id="about" title="About the device">
      <Facts
        of={[
          ["labels", labelsOf(device) || "none"],
          ["class", inventory.deviceClass],
          ["board", [inventory.board, inventory.cpuModel].filter((text) => text !== "").join(", ") || "unknown"],
          ["processor", `${inventory.cpuCores} cores, ${inventory.architecture}`],
          ["memory", formatBytes(memoryOf(device))],
          ["accelerators", inventory.gpus.map(({ name }) => name).join(", ") || "none"],
          ["system", `${inventory.os}, kernel ${inventory.kernel || "unknown"}`],
          [
            "software",
            `agent ${inventory.agentVersion}, TensorFlow ${inventory.engineVersion ?? "none"}, Node ${inventory.nodeVersion}`,
          ],
          inventory.ownerLimits === undefined ? undefined : ["owner's limits", inventory.ownerLimits],
          inventory.timeZone === undefined ? undefined : ["time zone", inventory.timeZone],
          certificateEndsAtMs === undefined
            ? undefined
            : ["certificate ends", <Moment key="ends" at={certificateEndsAtMs} />],
        ]}
      />
    </Section>
  );
}
