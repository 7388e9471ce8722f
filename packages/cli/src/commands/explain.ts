import { describeRung, type Prediction } from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { wholeNumber } from "../options/parsers.ts";
import { createTable } from "../output/table.ts";
import { methodTable, predictionTable } from "../planning/prediction-table.ts";
import { addSearchOptions, type SearchOptions, searchProfile, summaryOf } from "./search.ts";

interface ExplainOptions extends SearchOptions {
  readonly show: number;
}

export function define(command: Command, context: CommandContext): void {
  addSearchOptions(command)
    .option("--show <n>", "candidates to show of each reason", wholeNumber(1), 5)
    .action((path: string, options: ExplainOptions) => explain(path, options, context));
}

/** What is against a candidate, in a word. */
const AGAINST = {
  front: "nothing",
  policy: "policy",
  memory: "memory",
  window: "time",
  dominated: "a better one",
  "exact-memory": "memory",
} as const;

/** Prints why: the chosen config, its runner-up, and candidates with what cut each. */
async function explain(path: string, options: ExplainOptions, context: Files & Output & Stop): Promise<void> {
  const { result } = await searchProfile(path, options, context);
  const { terminal } = context;
  const { best, runnerUp, cuts, candidates, methods } = result;
  terminal.record({ event: "explained", best, runnerUp: runnerUp ?? null, methods, cuts, candidates });
  const chosen: [string, Prediction][] = [["chosen", best]];
  if (runnerUp !== undefined) chosen.push(["runner-up", runnerUp]);
  terminal.line(predictionTable(terminal, chosen));
  if (methods.length > 1) terminal.line(methodTable(terminal, methods));
  terminal.line(summaryOf(result));
  const shown = new Map<keyof typeof AGAINST, number>();
  const table = createTable(terminal, ["against it", "configuration", "because"]);
  result.forEach((prediction, cut) => {
    const { config, method, memoryBytes, stepMs, accuracy } = prediction;
    const reason = cut?.reason ?? "front";
    const count = shown.get(reason) ?? 0;
    if (count >= options.show) return;
    shown.set(reason, count + 1);
    terminal.record({ event: "candidate", method, config, memoryBytes, stepMs, accuracy, cut: cut ?? null });
    const because = cut?.because ?? "no other is better in all of memory, time and accuracy";
    table.push([AGAINST[reason], describeRung(prediction), because]);
  });
  terminal.line(table.toString());
}
