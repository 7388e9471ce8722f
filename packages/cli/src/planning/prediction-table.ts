import { describeConfig, formatBytes, type Prediction } from "@mpo/core";
import { formatShare } from "../output/format.ts";
import { createTable } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";

/** Predictions as a table for people, each with a word before it. */
export function predictionTable(terminal: Terminal, rows: readonly (readonly [string, Prediction])[]): string {
  const head = ["", "config", "memory", "at most", "ms a step", "at most", "steps", "accuracy"];
  const table = createTable(terminal, head);
  for (const [word, { config, memoryBytes, stepMs, accuracy }] of rows) {
    table.push([
      word,
      describeConfig(config),
      formatBytes(memoryBytes.expected),
      formatBytes(memoryBytes.upper),
      stepMs.expected.toFixed(1),
      stepMs.upper.toFixed(1),
      String(Math.round(accuracy.steps)),
      formatShare(accuracy.expected),
    ]);
  }
  return table.toString();
}
