import { quantile } from "@mpo/core";
import type { RolloutResult } from "./simulate-rollout.ts";

/** How the rollouts of many seeds went, in a few lines; empty: there were none. */
export function rolloutLines(results: readonly Partial<RolloutResult>[]): readonly string[] {
  const ended = results.filter(({ phase }) => phase !== undefined);
  if (ended.length === 0) return [];
  const phases = countsOf(ended.map(({ phase = "" }) => phase));
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const halts = ended.flatMap(({ haltMs }) => haltMs ?? []);
  const errors = ended.flatMap(({ tookMs, expectedMs, isForecastable }) =>
    isForecastable !== true || tookMs === undefined || expectedMs === undefined
      ? []
      : [Math.abs(expectedMs / tookMs - 1)],
  );
  return [
    `rollouts: ${words(phases)}; devices that do not fit, as was foretold: ${sum(ended.map(({ unfit = 0 }) => unfit))}`,
    ...(halts.length === 0
      ? []
      : [
          `halted after too many had failed: median ${seconds(quantile(halts, 0.5))}, at most ${seconds(Math.max(...halts))}`,
        ]),
    ...(errors.length === 0
      ? []
      : [
          `forecast against what happened, ${errors.length} that went well: off by ${share(quantile(errors, 0.5))}, at most ${share(Math.max(...errors))}`,
        ]),
  ];
}

function countsOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function words(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([word, count]) => `${count} ${word}`)
    .join(", ");
}

function share(value: number): string {
  return `${(100 * value).toFixed(0)}%`;
}
