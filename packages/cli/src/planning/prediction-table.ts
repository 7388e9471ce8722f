import {
  describeConfig,
  describeRung,
  formatBytes,
  formatInterval,
  formatMs,
  formatShare,
  type Prediction,
} from "@mpo/core";
import { createTable } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";

/** A predicted accuracy and its interval on two lines. */
export function accuracyCell({ expected, lower, upper, isGuess }: Prediction["accuracy"]): string {
  return isGuess ? "a guess" : `${formatShare(expected)}\n${formatInterval(lower, upper)}`;
}

/** Predictions as a table for people, each with a word before it. */
export function predictionTable(terminal: Terminal, rows: readonly (readonly [string, Prediction])[]): string {
  const table = createTable(terminal, ["", "configuration", "memory", "step", "accuracy"]);
  for (const [word, rung] of rows) {
    const { memoryBytes, stepMs, accuracy } = rung;
    table.push([
      word,
      describeRung(rung),
      `${formatBytes(memoryBytes.expected)}\nup to ${formatBytes(memoryBytes.upper)}`,
      `${formatMs(stepMs.expected)}\nup to ${formatMs(stepMs.upper)}\n${Math.round(accuracy.steps)} steps`,
      accuracyCell(accuracy),
    ]);
  }
  return table.toString();
}

/** What each method alone would bring, the best first. */
export function methodTable(terminal: Terminal, methods: readonly Prediction[]): string {
  const table = createTable(terminal, ["each method alone", "configuration", "memory", "step", "accuracy"]);
  for (const { method, config, memoryBytes, stepMs, accuracy } of methods) {
    const memory = `up to ${formatBytes(memoryBytes.upper)}`;
    table.push([method ?? "", describeConfig(config), memory, formatMs(stepMs.expected), accuracyCell(accuracy)]);
  }
  return table.toString();
}
