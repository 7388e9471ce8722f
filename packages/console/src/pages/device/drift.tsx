import { Table } from "@mpo/charts";
import { counted } from "@mpo/core";
import type { FleetEvent, WindowOutcome } from "@mpo/protocol";
import type { VNode } from "preact";
import { eventsOf } from "../../api/pages.ts";
import { useLoad } from "../../state/load.ts";
import { tenant } from "../../state/who.ts";
import { Failure } from "../../ui/failure.tsx";
import { Moment } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";
import { OUTCOMES } from "../words.ts";

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
  if (end === undefined) return "no retraining yet";
  const outcome = end.kind.replace(/^window-/u, "");
  if (!isOutcome(outcome)) return end.kind;
  const words = OUTCOMES[outcome];
  return HAS_RESULT.has(outcome) ? `retrained: ${words}` : words;
}

/** Where a model came out of it. */
const HAS_RESULT: ReadonlySet<string> = new Set<WindowOutcome>(["replaced", "kept-old"]);

function isOutcome(text: string): text is WindowOutcome {
  return Object.hasOwn(OUTCOMES, text);
}
