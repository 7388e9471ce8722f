import { counted } from "@mpo/core";
import type { FleetEvent } from "@mpo/protocol";
import type { VNode } from "preact";
import { eventsOf } from "../../api/pages.ts";
import { useLoad } from "../../state/load.ts";
import { tenant } from "../../state/who.ts";
import { Failure } from "../../ui/failure.tsx";
import { Moment } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";
import { Table } from "../../ui/table.tsx";

/** Weeks of a device that retrains every day. */
const LOOKED_THROUGH = 2_000;
/** What a drift leads to stands beside it. */
const ENDS = /^window-(?!checked)/u;

interface DriftProps {
  readonly name: string;
  readonly isOf: (event: FleetEvent) => boolean;
}

/** When its inputs were no longer those that its model did well on, and what came of it. */
export function DriftSection({ name, isOf }: DriftProps): VNode {
  const of = { tenant: tenant.value, device: name };
  const { value, error } = useLoad((signal) => eventsOf(of, LOOKED_THROUGH, signal), {
    keys: [of.tenant, name],
    when: (event) => isOf(event) && (event.kind === "drift-seen" || ENDS.test(event.kind)),
  });
  const events = value ?? [];
  const seen = events.flatMap((event, index) => (event.kind === "drift-seen" ? [{ event, index }] : []));
  const whole = events.length < LOOKED_THROUGH ? "" : ` among its newest ${counted(LOOKED_THROUGH, "event")}`;
  return (
    <Section id="drift" title="Drift">
      <Failure error={error} />
      {value !== undefined && seen.length === 0 && (
        <p class="faint">None{whole}: its inputs are as its model knows them.</p>
      )}
      {seen.length > 0 && (
        <Table
          caption={`${counted(seen.length, "drift")}${whole}, newest first`}
          showsCaption
          columns={["Seen", "What has changed", "What came of it"]}
          rows={seen.map(({ event, index }, at) => ({
            key: String(event.sequence),
            cells: [
              <Moment key="at" at={event.atMs} hasSeconds />,
              event.message,
              // Newest first: what came after it, and before the drift that was seen next.
              outcomeIn(events.slice(at === 0 ? 0 : (seen[at - 1]?.index ?? 0), index)),
            ],
          }))}
        />
      )}
    </Section>
  );
}

function outcomeIn(events: readonly FleetEvent[]): string {
  const end = events.findLast(({ kind }) => ENDS.test(kind));
  return end === undefined ? "no retraining yet" : (OUTCOMES_OF_KINDS[end.kind] ?? end.kind);
}

const OUTCOMES_OF_KINDS: Readonly<Record<string, string>> = {
  "window-replaced": "retrained: better model in use",
  "window-kept-old": "retrained: old model kept",
  "window-over-memory": "over its memory",
  "window-out-of-time": "out of time",
  "window-cancelled": "cancelled",
  "window-failed": "failed",
};
