import { describeConfig, formatBytes, formatInterval, formatMs, formatShare, type Prediction } from "@mpo/core";
import { createTable } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";

/** A predicted accuracy and its interval on two lines. */
export function accuracyCell({ expected, lower, upper, isGuess }: Prediction["accuracy"]): string {
  return isGuess ? "a guess" : `${formatShare(expected)}\n${formatInterval(lower, upper)}`;
}

/** Predictions as a table for people, each with a word before it. */
export function predictionTable(terminal: Terminal, rows: readonly (readonly [string, Prediction])[]): string {
  const table = createTable(terminal, ["", "configuration", "memory", "step", "accuracy"]);
  for (const [word, { config, memoryBytes, stepMs, accuracy }] of rows) {
    table.push([
      word,
      describeConfig(config),
      `${formatBytes(memoryBytes.expected)}\nup to ${formatBytes(memoryBytes.upper)}`,
      `${formatMs(stepMs.expected)}\nup to ${formatMs(stepMs.upper)}\n${Math.round(accuracy.steps)} steps`,
      accuracyCell(accuracy),
    ]);
  }
  return table.toString();
}
