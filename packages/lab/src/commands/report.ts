import { resolve } from "node:path";
import {
  addBudgetOptions,
  type BudgetOptions,
  budgetFrom,
  type CommandContext,
  formatShare,
  readProfileDocument,
} from "@mpo/cli";
import { formatBytes, MIB, mean } from "@mpo/core";
import { writeFileAtomic } from "@mpo/io";
import type { Command } from "commander";
import { drawChart } from "../report/chart.ts";
import { checksChart } from "../report/checks-chart.ts";
import { curvesChart } from "../report/curves-chart.ts";
import { accuracyFrontChart, timeFrontChart } from "../report/front-chart.ts";
import { trusted } from "../report/html.ts";
import { gatherReport, type ReportFacts, type StepCheck } from "../report/report-facts.ts";
import { type Picture, reportPage } from "../report/report-page.ts";
import { bothTimelinesChart, chosenTimelineChart } from "../report/timeline-chart.ts";

interface ReportOptions extends BudgetOptions {
  readonly output: string;
}

/** `mpo report`. */
export function define(command: Command, context: CommandContext): void {
  addBudgetOptions(command.argument("<profile>", "what `mpo probe` wrote"))
    .option("-o, --output <file>", "where the page goes", "report.html")
    .action((path: string, options: ReportOptions) => report(path, options, context));
}

/** Searches a profile and writes what came of it as one HTML page. Nothing is written when nothing fits. */
async function report(path: string, options: ReportOptions, context: CommandContext): Promise<void> {
  const { terminal, workingFolder, signal } = context;
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
  const peaks = `${formatBytes(chosen.timeline.peakBytes)} against ${formatBytes(plain.timeline.peakBytes)}`;
  return [
    {
      title: "Accuracy over memory",
      caption:
        "Every configuration as predicted: grey ones are cut, small blue ones are in the front of memory, time and " +
        "accuracy, large signs are what each policy chooses (both of these: micro-batch and checkpoints). Right of the " +
        "dashed limit: it does not fit.",
      drawing: await drawChart(accuracyFrontChart(facts)),
    },
    {
      title: "Time over memory",
      caption: "The same configurations by the time of a step: less memory is bought with time.",
      drawing: await drawChart(timeFrontChart(facts)),
    },
    {
      title: "Memory along a step: chosen and plain",
      caption: `What is in memory during each instruction of the two plans; peaks ${peaks}. Dashed: the limit.`,
      drawing: await drawChart(bothTimelinesChart(facts)),
    },
    {
      title: "Memory along a step: the chosen plan alone",
      caption:
        "What the plan does when, and what it holds meanwhile. A process grows by somewhat more: by kernels, and by what " +
        "the allocator cannot fill.",
      drawing: await drawChart(chosenTimelineChart(facts)),
    },
    {
      title: "Memory: predicted and measured",
      caption: `Steps that the probe ran, off by ${meanError(memoryChecks)} on average; strokes go up to the bounds.`,
      drawing: await drawChart(checksChart(memoryChecks, { of: MIB, name: "MiB" })),
    },
    {
      title: "Time: predicted and measured",
      caption: `Times of those steps, off by ${meanError(timeChecks)} on average. The fit has seen them.`,
      drawing: await drawChart(checksChart(timeChecks, { of: 1, name: "ms" })),
    },
    {
      title: "Learning curves",
      caption:
        curves.length === 0
          ? "No accuracy was measured: gains are a guess. Probe with --task to measure them."
          : "Accuracy as it was judged in micro-windows (dots), and the curves fitted to it with two deviations to " +
            "either side.",
      drawing: curves.length === 0 ? trusted("") : await drawChart(curvesChart(facts)),
    },
  ];
}

function meanError(checks: readonly StepCheck[]): string {
  const errors = checks.map(({ expected, measured }) => Math.abs(expected / measured - 1));
  return formatShare(errors.length === 0 ? 0 : mean(errors));
}
