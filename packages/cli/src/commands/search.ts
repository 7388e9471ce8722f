import {
  CUT_REASONS,
  type MethodSearch,
  POLICY_NAMES,
  type PolicyName,
  type Prediction,
  plannersOf,
  type SearchResult,
  searchPlanners,
} from "@mpo/core";
import { ENGINE_VERSION } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { addBudgetOptions } from "../options/budget-options.ts";
import { choice } from "../options/choice.ts";
import { type BudgetOptions, budgetFrom } from "../planning/budget.ts";
import { noteOtherDevice } from "../planning/device-facts.ts";
import { predictionTable } from "../planning/prediction-table.ts";
import { isTelling, probeHint } from "../planning/probe-hint.ts";
import { type ProfileDocument, readProfileDocument } from "../planning/profile-document.ts";

/** The options of `mpo search` and `mpo explain`. */
export interface SearchOptions extends BudgetOptions {
  readonly policy: PolicyName;
}

export function define(command: Command, context: CommandContext): void {
  addSearchOptions(command).action((path: string, options: SearchOptions) => runSearch(path, options, context));
}

/** Adds the profile, the budget, and which policy chooses. */
export function addSearchOptions(command: Command): Command {
  return addBudgetOptions(command.argument("<profile>", "what `mpo probe` wrote")).addOption(
    choice("--policy <name>", "what it may choose from", POLICY_NAMES, "joint"),
  );
}

/** Reads a profile and searches it. Throws `over-budget`, with the least that would do, when nothing fits. */
export async function searchProfile(
  path: string,
  options: SearchOptions,
  context: Files & Output & Stop,
): Promise<{ readonly document: ProfileDocument; readonly result: MethodSearch }> {
  const document = await readProfileDocument(path, context, { engine: ENGINE_VERSION });
  const { profile, chain } = document;
  noteOtherDevice(profile, context);
  return { document, result: searchPlanners(plannersOf(profile, chain), budgetFrom(options, profile), options) };
}

/** Prints the config to use now, and the ladder. */
async function runSearch(path: string, options: SearchOptions, context: Files & Output & Stop): Promise<void> {
  const { result, document } = await searchProfile(path, options, context);
  const { terminal } = context;
  const { forEach: _, ...facts } = result;
  terminal.record({ event: "searched", idleBytes: document.profile.idleBytes, ...facts });
  const last = result.ladder.length - 1;
  const rungs = result.ladder.map((rung, index): [string, Prediction] => [
    index === last ? "chosen" : `rung ${index}`,
    rung,
  ]);
  terminal.line(predictionTable(terminal, rungs));
  terminal.line(summaryOf(result));
  for (const unknown of result.best.unknowns) terminal.line(`not known: ${unknown}`);
  const hint = probeHint(document.profile.steps.length, isTelling(result.best.accuracy));
  if (hint !== undefined) terminal.line(hint);
}

const CUT_WORDS = {
  policy: "not allowed by the policy",
  memory: "need too much memory",
  window: "do not fit the window",
  dominated: "are no better than another in anything",
  "exact-memory": "need too much memory when counted exactly",
} as const;

/** How many candidates there were, and what became of them. */
export function summaryOf({ candidates, front, cuts, objective }: SearchResult): string {
  const out = CUT_REASONS.filter((reason) => cuts[reason] > 0).map((reason) => `${cuts[reason]} ${CUT_WORDS[reason]}`);
  return [`best for ${objective} of ${candidates} candidates, ${front} of them to choose from`, ...out].join("; ");
}
