import {
  CUT_REASONS,
  type Cut,
  describeConfig,
  type PolicyName,
  type Prediction,
  plannerOf,
  type SearchResult,
} from "@mpo/core";
import { ENGINE_VERSION } from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { createTable } from "../output/table.ts";
import { type BudgetOptions, budgetFrom } from "./budget.ts";
import { noteOtherDevice } from "./device-facts.ts";
import { predictionTable } from "./prediction-table.ts";
import { type ProfileDocument, readProfileDocument } from "./profile-document.ts";

/** The options of `mpo search` and `mpo explain`. */
export interface SearchCommandOptions extends BudgetOptions {
  readonly policy: PolicyName;
  /** Of `explain`: how many candidates are shown of each reason. */
  readonly show?: number;
}

/** A search with what it was made of. */
export interface FinishedSearch {
  readonly document: ProfileDocument;
  readonly result: SearchResult;
}

/** Reads a profile and searches it. Throws `over-budget`, with the least that would do, when nothing fits. */
export async function searchProfile(
  path: string,
  options: SearchCommandOptions,
  context: CommandContext,
): Promise<FinishedSearch> {
  const document = await readProfileDocument(path, context, { engine: ENGINE_VERSION });
  noteOtherDevice(document.profile, context.terminal);
  const budget = budgetFrom(options, document.profile);
  const result = plannerOf(document.profile, document.chain).search(budget, options);
  return { document, result };
}

/** Prints the config to use now, and the ladder. */
export async function runSearch(path: string, options: SearchCommandOptions, context: CommandContext): Promise<void> {
  const { result, document } = await searchProfile(path, options, context);
  const { terminal } = context;
  const { forEach: _, ...facts } = result;
  terminal.record({ event: "searched", idleBytes: document.profile.idleBytes, ...facts });
  const last = result.ladder.length - 1;
  const rungs = result.ladder.map((rung, index): [string, Prediction] => [
    index === last ? "chosen" : `rung ${index + 1}`,
    rung,
  ]);
  terminal.line(predictionTable(terminal, rungs));
  terminal.line(summaryOf(result));
  for (const unknown of result.best.unknowns) terminal.line(`not known: ${unknown}`);
}

/** Prints why: the chosen config, its runner-up, and candidates with what cut each. */
export async function runExplain(path: string, options: SearchCommandOptions, context: CommandContext): Promise<void> {
  const { result } = await searchProfile(path, options, context);
  const { terminal } = context;
  const { show = DEFAULT_SHOWN } = options;
  const { best, runnerUp, cuts } = result;
  terminal.record({ event: "explained", best, runnerUp: runnerUp ?? null, cuts, candidates: result.candidates });
  const chosen: [string, Prediction][] = [["chosen", best]];
  if (runnerUp !== undefined) chosen.push(["runner-up", runnerUp]);
  terminal.line(predictionTable(terminal, chosen));
  terminal.line(summaryOf(result));
  const shown = new Map<string, number>();
  const table = createTable(terminal, ["cut by", "config", "because"]);
  result.forEach((prediction: Prediction, cut: Cut | undefined) => {
    const reason = cut?.reason ?? "front";
    const count = shown.get(reason) ?? 0;
    if (count >= show) return;
    shown.set(reason, count + 1);
    const { config, memoryBytes, stepMs, accuracy } = prediction;
    terminal.record({ event: "candidate", config, memoryBytes, stepMs, accuracy, cut: cut ?? null });
    table.push([reason, describeConfig(config), cut?.because ?? "nothing is better in all of memory, time, accuracy"]);
  });
  terminal.line(table.toString());
}

const DEFAULT_SHOWN = 5;

function summaryOf({ candidates, front, cuts, objective }: SearchResult): string {
  const words = CUT_REASONS.filter((reason) => cuts[reason] > 0).map((reason) => `${cuts[reason]} by ${reason}`);
  return `best for ${objective} of ${candidates} candidates; cut: ${words.join(", ") || "none"}; ${front} in the front`;
}
