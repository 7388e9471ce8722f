import { createTable, type Terminal } from "@mpo/cli";
import { describeRung, formatBytes, formatDuration, formatPoints, formatShare, SECOND_MS, typical } from "@mpo/core";
import type { DeviceOutcome } from "./device-outcome.ts";

/** One table with a column for each device: its limits, what was chosen and why, what was predicted and what came. */
export function printOutcomes(outcomes: readonly DeviceOutcome[], terminal: Terminal): void {
  const table = createTable(terminal, ["", ...outcomes.map(({ device }) => device.name)]);
  for (const [name, cell] of ROWS) table.push([name, ...outcomes.map(cell)]);
  terminal.line(table.toString());
  terminal.line(
    "Memory is what a step adds to the idle worker. Accuracy is of the answers that were served, by labels that only the\n" +
      "demo knows; the agents never see them. The sizes of the devices are simulated: each agent behaves as a\n" +
      "machine with that much memory (--memory-limit), and its workers are held to it; the processor is shared by all.",
  );
}

const ROWS: readonly (readonly [string, (outcome: DeviceOutcome) => string])[] = [
  ["memory of the device", ({ memoryBytes }) => `${formatBytes(memoryBytes)} (simulated)`],
  [
    "limits of a retraining",
    ({ budget }) => `${formatBytes(budget.memoryBytes)}, ${formatDuration(budget.windowMs / SECOND_MS)}`,
  ],
  ["chosen configuration", ({ rung }) => describeRung(rung)],
  ["why", why],
  ["memory of a step", memory],
  ["time of a step", time],
  ["drift", ({ device }) => `${device.corruption}, severity 5`],
  ["accuracy before it", ({ served }) => formatShare(served.clean.share)],
  ["after it", ({ served }) => formatShare(served.drifted.share)],
  ["after retraining", retrained],
  ["the agent's own estimate", estimate],
  [
    "retraining",
    ({ window }) => `${window.steps} steps, ${formatDuration(window.durationMs / SECOND_MS)}: ${window.outcome}`,
  ],
];

function why({ considered, overBudget, excluded, rungs }: DeviceOutcome): string {
  const best = `best of ${considered} for accuracy`;
  const over = overBudget === 0 ? "all within the limits" : `${overBudget} were over the limits`;
  const next = excluded === undefined ? "" : `, the best of them ${describeRung(excluded.rung)}`;
  return `${best}; ${over}${next}. Ladder of ${rungs}`;
}

function memory({ rung, window }: DeviceOutcome): string {
  const { expected, upper } = rung.memoryBytes;
  const measured = window.peakBytes === undefined ? "-" : formatBytes(window.peakBytes);
  return `predicted ${formatBytes(expected)} (at most ${formatBytes(upper)}), measured ${measured}`;
}

function time({ rung, window }: DeviceOutcome): string {
  const { expected, upper } = rung.stepMs;
  const measured = window.stepMs.length === 0 ? "-" : `${typical(window.stepMs).toFixed(0)} ms`;
  return `predicted ${expected.toFixed(0)} ms (at most ${upper.toFixed(0)} ms), measured ${measured}`;
}

function retrained({ served, rung }: DeviceOutcome): string {
  if (served.retrained === undefined) return "the old model stayed";
  const gained = formatPoints(served.retrained.share - served.drifted.share);
  const predicted = rung.accuracy.isGuess ? "" : `; predicted ${formatShare(rung.accuracy.expected)}`;
  return `${formatShare(served.retrained.share)} (${gained} points${predicted})`;
}

function estimate({ window }: DeviceOutcome): string {
  const { accuracyBefore, accuracyAfter } = window;
  if (accuracyBefore === undefined || accuracyAfter === undefined) return "-";
  return `${formatShare(accuracyBefore)} before, ${formatShare(accuracyAfter)} after`;
}
