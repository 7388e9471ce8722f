import { resolve } from "node:path";
import {
  addBudgetOptions,
  type BudgetOptions,
  budgetFrom,
  type CommandContext,
  checkOutput,
  type ForceOption,
  forceOption,
  type Picture,
  picture,
  readProfileDocument,
} from "@mpo/cli";
import { formatBytes, formatShare, MIB, mean } from "@mpo/core";
import { writeFileAtomic } from "@mpo/io";
import type { Command } from "commander";
import { checksChart } from "../report/checks-chart.ts";
import { curvesChart } from "../report/curves-chart.ts";
import { accuracyFrontChart, timeFrontChart } from "../report/front-chart.ts";
import { gatherReport, type ReportFacts, type StepCheck } from "../report/report-facts.ts";
import { reportPage } from "../report/report-page.ts";
import { bothTimelinesChart, chosenTimelineChart } from "../report/timeline-chart.ts";

interface ReportOptions extends BudgetOptions, ForceOption {
  readonly output: string;
}

export function define(command: Command, context: CommandContext): void {
  addBudgetOptions(command.argument("<profile>", "what `mpo probe` wrote"))
    .option("-o, --output <file>", "where the page goes", "report.html")
    .addOption(forceOption())
    .action((path: string, options: ReportOptions) => report(path, options, context));
}

/** Searches a profile and writes the result as one HTML page. Nothing is written when nothing fits. */
async function report(path: string, options: ReportOptions, context: CommandContext): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  await checkOutput("--output", options.output, { workingFolder, ...options });
  const document = await readProfileDocument(path, context);
  const budget = budgetFrom(options, document.profile);
  const facts = gatherReport(document, budget, options.objective);
  const page = reportPage(facts, await picturesOf(facts), Date.now());
  const output = resolve(workingFolder, options.output);
  await writeFileAtomic(output, page, { mode: 0o644, signal });
  const bytes = Buffer.byteLength(page);
  terminal.record({ event: "reported", output, bytes, best: facts.result.best });
  terminal.line(`the report is in ${options.output} (${formatBytes(bytes)}; it opens in any browser, without network)`);
}

async function picturesOf(facts: ReportFacts): Promise<readonly Picture[]> {
  const { memoryChecks, timeChecks, curves, chosen, plain } = facts;
  const peak = (moments: ReportFacts["chosen"]): string => formatBytes(Math.max(...moments.map(({ bytes }) => bytes)));
  const peaks = `${peak(chosen)} against ${peak(plain)}`;
  return await Promise.all([
    picture(
      "Accuracy over memory",
      "Every configuration as predicted: grey ones are cut, small blue ones are beaten by no other in memory, time " +
        "and accuracy at once, large signs are what each policy chooses (both of these: micro-batch and checkpoints). Right of the " +
        "dashed limit: it does not fit.",
      accuracyFrontChart(facts),
    ),
    picture(
      "Time over memory",
      "The same configurations by the time of a step: less memory is bought with time.",
      timeFrontChart(facts),
    ),
    picture(
      "Memory along a step: chosen and plain",
      `What is in memory during each instruction of the two plans; peaks ${peaks}. Dashed: the limit.`,
      bothTimelinesChart(facts),
    ),
    picture(
      "Memory along a step: the chosen plan alone",
      "What the plan does when, and what it holds meanwhile. A process grows by somewhat more: by kernels, and by what " +
        "the allocator cannot fill.",
      chosenTimelineChart(facts),
    ),
    picture(
      "Memory: predicted and measured",
      `Steps that the probe ran, off by ${meanError(memoryChecks)} on average; strokes go up to the bounds.`,
      checksChart(memoryChecks, { of: MIB, name: "MiB" }),
    ),
    picture(
      "Time: predicted and measured",
      `Times of those steps, off by ${meanError(timeChecks)} on average. The fit has seen them.`,
      checksChart(timeChecks, { of: 1, name: "ms" }),
    ),
    curves.length === 0
      ? picture("Learning curves", "No accuracy was measured: gains are a guess. Probe with --dataset to measure them.")
      : picture(
          "Learning curves",
          "Accuracy as it was judged in micro-windows (dots), and the curves fitted to it with two deviations to either " +
            "side.",
          curvesChart(facts),
        ),
  ]);
}

function meanError(checks: readonly StepCheck[]): string {
  const errors = checks.map(({ expected, measured }) => Math.abs(expected / measured - 1));
  return formatShare(errors.length === 0 ? 0 : mean(errors));
}
