import { byWhom, counted, formatDuration, hasCode, SECOND_MS } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { now } from "../../state/clock.ts";
import { useLoad } from "../../state/load.ts";
import { tenant } from "../../state/who.ts";
import { EventTable } from "../../ui/events.tsx";
import { Failure } from "../../ui/failure.tsx";
import { Badge, Facts, Moment } from "../../ui/figures.tsx";
import { Empty, Loading, Page, Section } from "../../ui/page.tsx";
import { PHASE_TONES } from "../words.ts";
import { RolloutCommands } from "./commands.tsx";
import { PlanSection } from "./plan.tsx";
import { RolloutDevices } from "./rollout-devices.tsx";
import { WavesSection } from "./waves.tsx";

/** Devices confirm without an event of the rollout's. */
const REFRESH_MS = 5_000;
const LOOKED_THROUGH = 500;

/** One rollout: where it stands, on whom it waits, and what can be said to it. */
export function RolloutPage({ name }: { readonly name: string }): VNode {
  const of = { tenant: tenant.value, name };
  const { value, error, reload } = useLoad(async (signal) => (await call("getRollout", of, signal)).rollout, {
    keys: [of.tenant, name],
    when: ({ kind }) => /^(?:rollout|document|window)/u.test(kind),
    everyMs: REFRESH_MS,
  });
  const above = <a href="/rollouts">Rollouts</a>;
  if (value === undefined) {
    return (
      <Page title={name} above={above}>
        {hasCode(error, "not-found") ? (
          <Empty title={`There is no rollout ${name}.`}>
            <a href="/rollouts">All rollouts</a>
          </Empty>
        ) : (
          <Failure error={error} />
        )}
        {error === undefined && <Loading />}
      </Page>
    );
  }
  return (
    <Page title={name} above={above} actions={<RolloutCommands rollout={value} onDone={reload} />}>
      <Failure error={error} />
      <Stand rollout={value} />
      <WavesSection rollout={value} />
      <PlanSection rollout={value} />
      <RolloutDevices rollout={value} />
      <Section id="file" title="File">
        <details>
          <summary>As it was planned, as JSON</summary>
          <pre class="words">{pretty(value.spec)}</pre>
        </details>
      </Section>
      <History rollout={value} />
    </Page>
  );
}

/** Where it stands, in one look: phase, why, on whom it waits. */
function Stand({ rollout }: { readonly rollout: RolloutView }): VNode {
  const { phase, sinceMs, reason, waitsFor, devices, plannedBy, plannedAtMs, startedAtMs, endedAtMs } = rollout;
  const lasts = formatDuration((now.value - sinceMs) / SECOND_MS);
  return (
    <div class={phase === "halted" || phase === "conflicted" ? "stand card alarm" : "stand card"}>
      <p class="phase" role="status">
        <Badge tone={PHASE_TONES[phase]}>{phase}</Badge> for {lasts}
        {reason !== "" && `: ${byWhom(reason)}`}
      </p>
      {waitsFor !== undefined && (
        <p>
          <strong>Waits for</strong> {byWhom(beyond(waitsFor, reason))}
        </p>
      )}
      <Facts
        of={[
          ["devices", counted(devices, "device")],
          [
            "planned",
            <span key="by">
              <Moment at={plannedAtMs} /> by {byWhom(plannedBy)}
            </span>,
          ],
          startedAtMs === undefined ? undefined : ["started", <Moment key="at" at={startedAtMs} />],
          endedAtMs === undefined ? undefined : ["ended", <Moment key="at" at={endedAtMs} />],
        ]}
      />
    </div>
  );
}

/** What is said of a halt begins with its reason, which stands above. */
function beyond(waitsFor: string, reason: string): string {
  return reason !== "" && waitsFor.startsWith(`${reason}; `)
    ? `a person: ${waitsFor.slice(reason.length + 2)}`
    : waitsFor;
}

function History({ rollout: { tenant: of, name, plannedAtMs, phase } }: { readonly rollout: RolloutView }): VNode {
  const { value, error } = useLoad(
    (signal) =>
      call(
        "listEvents",
        { tenant: of, beforeSequence: 0, pageSize: LOOKED_THROUGH, sinceMs: plannedAtMs - 1_000 },
        signal,
      ),
    { keys: [of, name, phase], when: ({ kind }) => kind.startsWith("rollout") },
  );
  const mine = (value?.events ?? []).filter(
    ({ kind, message }) => kind.startsWith("rollout") && (message === name || message.startsWith(`${name}:`)),
  );
  return (
    <Section id="events" title="Events">
      <Failure error={error} />
      {mine.length > 0 && <EventTable events={mine} caption={`Events of ${name}, newest first`} />}
    </Section>
  );
}

function pretty(spec: string): string {
  try {
    return JSON.stringify(JSON.parse(spec), null, 2);
  } catch {
    return spec;
  }
}
