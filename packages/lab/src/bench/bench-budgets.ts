import { type CommandContext, probeHere } from "@mpo/cli";
import {
  formatBytes,
  formatShare,
  given,
  mean,
  NOTHING_FROZEN,
  type Planner,
  plannerOf,
  type RetrainConfig,
  SECOND_MS,
} from "@mpo/core";
import { buildModel, chainOf, initialWeights } from "@mpo/engine";
import { PROCESSOR, printTable, stepTaskOf } from "../harness.ts";
import type { BenchSmallestOptions } from "./bench-smallest.ts";
import { runUnderBound } from "./run-under-bound.ts";

/** The options of `mpo bench budgets`. */
export interface BenchBudgetsOptions extends BenchSmallestOptions {
  readonly probeTime: number;
}

interface BudgetRow {
  readonly model: string;
  readonly budgetBytes: number;
  readonly config: RetrainConfig;
  readonly expectedBytes: number;
  /** The larger of a free run and of one that has the budget as its limit. */
  readonly measuredBytes: number;
  /** Of the budget, that the real peak left. */
  readonly leftShare: number;
  readonly isOverBound: boolean;
}

const CLASSES = 10;
/** Where budgets lie between the least memory of the whole batch at once and that of its plain step. */
const BUDGET_SHARES = [0.2, 0.4, 0.6, 0.8] as const;

/**
 * Budgets that a person states, and what comes of them: everything trains on the whole batch at once, and checkpoints are
 * placed as fast as each budget allows (the table of TorchTitan's memory budgets, on processors). What is chosen fits by the
 * upper bound of its memory, and runs in a process of its own, freely and with that bound as a hard limit.
 */
export async function benchBudgets(options: BenchBudgetsOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const { models, norm, batch, imageSize, probeTime } = options;
  const rows: BudgetRow[] = [];
  for (const model of models) {
    const inputShape = [imageSize, imageSize, 3];
    const graph = buildModel({ model, norm, ...given({ form: options.form }), inputShape, classes: CLASSES });
    const whole = { graph, weights: initialWeights(graph, options.seed) };
    const task = stepTaskOf(whole, "crossEntropy", options, context);
    terminal.note(`probing ${model} for ${probeTime / SECOND_MS} s ...`);
    const probed = { model: whole, method: "crossEntropy", effectiveBatch: batch } as const;
    const profile = await probeHere(probed, { maxMs: probeTime }, options, context);
    const planner = plannerOf(profile, chainOf(graph), { fixedRates: NOTHING_FROZEN });
    for (const { budgetBytes, config } of statedBudgets(planner, batch)) {
      terminal.note(`${model}: ${formatBytes(budgetBytes)} ...`);
      const run = await runUnderBound(task, planner.costs, config, signal);
      const { measuredBytes, isOverBound, predicted } = run;
      const expectedBytes = predicted.memoryBytes.expected;
      const leftShare = 1 - measuredBytes / budgetBytes;
      const row = { model, budgetBytes, config, expectedBytes, measuredBytes, leftShare, isOverBound };
      rows.push(row);
      const time = { stepMs: run.measuredMs, predictedMs: predicted.stepMs.expected, timeError: run.timeError };
      terminal.record({ event: "budget", ...row, ...time, norm, processor: PROCESSOR });
    }
  }
  printTable(
    rows,
    [
      ["model", ({ model }) => model],
      ["stated", ({ budgetBytes }) => formatBytes(budgetBytes)],
      ["predicted", ({ expectedBytes }) => formatBytes(expectedBytes)],
      ["real peak", ({ measuredBytes }) => formatBytes(measuredBytes)],
      ["below it by", ({ leftShare }) => formatShare(leftShare)],
      ["within bound", ({ isOverBound }) => (isOverBound ? "no" : "yes")],
    ],
    terminal,
  );
  const left = rows.map(({ leftShare }) => leftShare);
  const over = rows.filter(({ leftShare, isOverBound }) => leftShare < 0 || isOverBound).length;
  terminal.record({ event: "summary", budgets: rows.length, over, leftShare: mean(left), mostLeft: Math.max(...left) });
  terminal.line(
    `${rows.length} budgets, ${over} broken; real peaks are ${formatShare(mean(left))} below what was stated on average, ` +
      `${formatShare(Math.max(...left))} at most`,
  );
}

/** For each budget the fastest placement of checkpoints whose bound keeps it. */
function statedBudgets(
  { candidates: table }: Planner,
  batch: number,
): readonly { readonly budgetBytes: number; readonly config: RetrainConfig }[] {
  const placements = table.catalogue.placements(0).map((plan) => ({
    ...{ plan, upper: table.exactMemory(plan, batch).upper, ms: table.stepMs(plan, batch).expected },
  }));
  const uppers = placements.map(({ upper }) => upper);
  const [least, most] = [Math.min(...uppers), Math.max(...uppers)];
  return BUDGET_SHARES.map((share) => {
    const budgetBytes = Math.round(least + share * (most - least));
    const fitting = placements.filter(({ upper }) => upper <= budgetBytes);
    const { plan } = fitting.reduce((best, other) => (other.ms < best.ms ? other : best));
    return { budgetBytes, config: table.config(plan, batch) };
  });
}
