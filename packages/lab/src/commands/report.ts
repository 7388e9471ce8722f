import { resolve } from "node:path";
import type { ChartProps } from "@mpo/charts";
import {
  addBudgetOptions,
  type BudgetOptions,
  budgetFrom,
  type CommandContext,
  checkOutput,
  type ForceOption,
  forceOption,
  readProfileDocument,
} from "@mpo/cli";
import { formatBytes, formatMs, formatShare, mean } from "@mpo/core";
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
  const page = reportPage(facts, chartsOf(facts), Date.now());
  const output = resolve(workingFolder, options.output);
  await writeFileAtomic(output, page, { mode: 0o644, signal });
  const bytes = Buffer.byteLength(page);
  terminal.record({ event: "reported", output, bytes, best: facts.result.best });
  terminal.line(`the report is in ${options.output} (${formatBytes(bytes)}; it opens in any browser, without network)`);
}

function chartsOf(facts: ReportFacts): readonly ChartProps[] {
  const { memoryChecks, timeChecks } = facts;
  const memory = {
    title: "Memory: predicted and measured",
    caption: `Steps that the probe ran, off by ${meanError(memoryChecks)} on average; strokes go up to the bounds.`,
  };
  const time = {
    title: "Time: predicted and measured",
    caption: `Times of those steps, off by ${meanError(timeChecks)} on average. The fit has seen them.`,
  };
  return [
    accuracyFrontChart(facts),
    timeFrontChart(facts),
    bothTimelinesChart(facts),
    chosenTimelineChart(facts),
    checksChart(memory, memoryChecks, (bytes) => formatBytes(bytes), { isBytes: true }),
    checksChart(time, timeChecks, formatMs, { isBytes: false }),
    curvesChart(facts),
  ];
}

function meanError(checks: readonly StepCheck[]): string {
  const errors = checks.map(({ expected, measured }) => Math.abs(expected / measured - 1));
  return formatShare(errors.length === 0 ? 0 : mean(errors));
}
