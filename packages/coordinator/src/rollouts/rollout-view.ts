import { given } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import { sumOfCounts } from "./count-states.ts";
import type { ShownRollout } from "./rollout-service.ts";

/** A rollout as people are shown it. */
export function rolloutView({ name, value, summary }: ShownRollout): RolloutView {
  const { spec, state, plannedBy, plannedAtMs, startedAtMs, endedAtMs, devices, counts, waitsFor } = value;
  return {
    ...name,
    ...{ spec, phase: state.phase, sinceMs: state.sinceMs, reason: state.reason, wave: state.wave },
    waves: state.waves.map((wave, index) => ({
      ...wave,
      counts: counts[index] ?? [],
      devices: (counts[index] ?? []).reduce((sum, one) => sum + one.devices, 0),
    })),
    ...{ devices, counts: sumOfCounts(counts), control: summary.control.length, plannedBy, plannedAtMs },
    ...{ distribution: summary.distribution, leftOut: summary.leftOut, leftOutCount: summary.leftOutCount },
    ...given({ waitsFor, startedAtMs, endedAtMs, forecast: summary.forecast }),
  };
}
