import { isDeepStrictEqual } from "node:util";
import { byWhom } from "@mpo/core";
import type { RolloutView, WaveView } from "@mpo/protocol";
import { countWords, measuredWords } from "./status-tables.ts";

/** What has happened between two looks at a rollout, one line each; without a first look, where it stands. */
export function changesBetween(before: RolloutView | undefined, after: RolloutView): readonly string[] {
  const { phase, reason, waves, waitsFor } = after;
  const isNewPhase = phase !== before?.phase || reason !== before.reason;
  const isNewWait = waitsFor !== undefined && stable(waitsFor) !== stable(before?.waitsFor ?? "");
  return [
    ...waves.flatMap((wave, index) =>
      waveChanges(before?.waves[index], wave).map((change) => `wave ${index + 1}: ${change}`),
    ),
    ...(isNewPhase ? [reason === "" ? phase : `${phase}: ${byWhom(reason)}`] : []),
    ...(isNewWait ? [`waits for: ${byWhom(waitsFor)}`] : []),
  ];
}

function waveChanges(before: WaveView | undefined, after: WaveView): readonly string[] {
  // Before its turn there is nothing to say of it.
  if (after.state === "waiting") return [];
  const isNew = after.state !== before?.state;
  const areCountsNew = !isDeepStrictEqual(after.counts, before?.counts);
  return [
    ...after.gates.flatMap((gate) => {
      const old = before?.gates.find(({ name }) => name === gate.name);
      const newest = gate.measurements.at(-1);
      if (newest === undefined || (gate.taken === old?.taken && gate.verdict === old.verdict)) return [];
      const verdict = gate.verdict === undefined ? "" : ` (over: ${gate.verdict})`;
      return [`gate ${gate.name} measured ${measuredWords(newest)}${verdict}`];
    }),
    ...(isNew || areCountsNew ? [`${after.state}; ${countWords(after.counts)}`] : []),
  ];
}

/** Without the ages in it, which change all the time. */
function stable(waitsFor: string): string {
  return waitsFor.replaceAll(/\d+ (?:s|min|h|days)\b/gu, "");
}
