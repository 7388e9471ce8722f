import { Table } from "@mpo/charts";
import { byWhom, counted } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import type { VNode } from "preact";
import { rolloutsOf } from "../../api/pages.ts";
import { useLoad } from "../../state/load.ts";
import { pathTo } from "../../state/path-to.ts";
import { may, tenant } from "../../state/who.ts";
import { Failure } from "../../ui/failure.tsx";
import { Ago, Badge } from "../../ui/figures.tsx";
import { Empty, Loading, Page } from "../../ui/page.tsx";
import { PHASE_TONES, rolloutSays } from "../words.ts";

/** All rollouts, newest first. */
export function RolloutsPage(): VNode {
  const name = tenant.value;
  const { value, error } = useLoad((signal) => rolloutsOf(name, {}, signal), {
    keys: [name],
    when: ({ kind }) => kind.startsWith("rollout"),
  });
  return (
    <Page
      title="Rollouts"
      actions={
        may("operator") && (
          <a class="button primary" href="/rollouts/new">
            Plan a rollout
          </a>
        )
      }
    >
      <Failure error={error} />
      {value === undefined && error === undefined && <Loading />}
      {value?.length === 0 && (
        <Empty title="There is no rollout yet.">
          <p>
            A rollout changes a part of the fleet in waves, and stops by itself where something goes wrong.{" "}
            {may("operator") && <a href="/rollouts/new">Plan one</a>}
          </p>
        </Empty>
      )}
      {value !== undefined && value.length > 0 && <List rollouts={value} />}
    </Page>
  );
}

function List({ rollouts }: { readonly rollouts: readonly RolloutView[] }): VNode {
  return (
    <Table
      caption="Rollouts, newest first"
      columns={["Rollout", "Phase", "Since", "Wave", { title: "Devices", isNumber: true }, "Planned by", "Why"]}
      rows={rollouts.map(({ name, phase, sinceMs, wave, waves, devices, plannedBy, reason, waitsFor }) => ({
        key: name,
        cells: [
          <a key="name" href={pathTo("rollouts", name)}>
            {name}
          </a>,
          <Badge key="phase" tone={PHASE_TONES[phase]}>
            {phase}
          </Badge>,
          <Ago key="since" at={sinceMs} />,
          `${Math.min(wave + 1, waves.length)} of ${waves.length}`,
          counted(devices, "device"),
          byWhom(plannedBy),
          <span key="why" class="words">
            {rolloutSays({ reason, waitsFor })}
          </span>,
        ],
      }))}
    />
  );
}
