import type { ChartProps } from "@mpo/charts";
import { html, type Markup, page, pictures, table, tableCard, trusted } from "@mpo/cli";
import {
  describeConfig,
  formatBytes,
  formatDuration,
  formatShare,
  type Prediction,
  profileAgeMs,
  SECOND_MS,
} from "@mpo/core";
import { POLICY_TITLES } from "../policy-outcomes.ts";
import type { ReportFacts, StepCheck } from "./report-facts.ts";
import { policyVerdict, reasonsFor } from "./report-reasons.ts";

/** The whole page. Names from the profile are escaped. `nowMs` is milliseconds since 1970. */
export function reportPage(facts: ReportFacts, charts: readonly ChartProps[], nowMs: number): string {
  const title = `${facts.document.profile.model.name}: which configuration, and why`;
  const main = html`${header(facts, nowMs)}
${chosenCard(facts)}
<h2>Why this configuration</h2>
<div class="card"><ul>${reasonsFor(facts).map((reason) => html`<li>${reason}</li>`)}</ul></div>
<h2>Beside single techniques</h2>
${policyTable(facts)}
<h2>Pictures</h2>
${pictures(charts)}
<h2>The ladder</h2>
<p class="faint">Cheapest memory first. A device whose free memory changes steps to another rung by itself.</p>
${ladderTable(facts)}
<h2>Predicted and measured</h2>
${checksTable(facts)}`;
  return page(title, main, footer(facts));
}

function header({ document, result }: ReportFacts, nowMs: number): Markup {
  const { profile } = document;
  const { memoryBytes, windowMs } = result.budget;
  return html`<h1>${profile.model.name}</h1>
<p class="faint">${profile.method.loss}, ${profile.effectiveBatch} images in a step · on ${profile.device.id}
(${profile.device.class}) · profile of ${formatDuration(profileAgeMs(profile, nowMs) / SECOND_MS)} ago, which took
${formatDuration(profile.spent.ms / SECOND_MS)}</p>
<p>Limit: <strong>${formatBytes(memoryBytes)}</strong> above the idle process,
<strong>${formatDuration(windowMs / SECOND_MS)}</strong> of training.</p>`;
}

function chosenCard({ result, planner }: ReportFacts): Markup {
  const { config, memoryBytes, stepMs, accuracy, stepsInWindow, trainingMs, unknowns } = result.best;
  return html`<div class="card">
<p class="chosen">${describeConfig(config)}</p>
<dl class="tiles">
<div><dt>memory</dt><dd>${formatBytes(memoryBytes.expected)} <small>at most ${formatBytes(memoryBytes.upper)}</small></dd></div>
<div><dt>time of a step</dt><dd>${stepMs.expected.toFixed(0)} ms <small>at most ${stepMs.upper.toFixed(0)} ms</small></dd></div>
<div><dt>steps</dt><dd>${Math.round(accuracy.steps)} <small>of ${stepsInWindow} in the window, ${(trainingMs / SECOND_MS).toFixed(1)} s</small></dd></div>
<div><dt>accuracy (predicted)</dt><dd>${formatShare(planner.accuracy.startAccuracy)} → ${formatShare(accuracy.expected)}
<small>${formatShare(accuracy.lower)} to ${formatShare(accuracy.upper)}</small></dd></div>
</dl>
${unknowns.map((unknown) => html`<p class="faint">Not known: ${unknown}.</p>`)}
</div>`;
}

function policyTable({ policies }: ReportFacts): Markup {
  const head = ["policy", "memory", "at most", "ms a step", "steps", "accuracy", "configuration"];
  const rows = policies.map((choice) => {
    const { outcome, shown } = choice;
    return html`<tr${trusted(outcome.policy === "joint" ? ' class="best"' : "")}>
<td>${POLICY_TITLES[outcome.policy]}</td>${predictionCells(shown)}
<td>${policyVerdict(choice)}</td><td class="words">${describeConfig(shown.config)}</td></tr>`;
  });
  return tableCard(head, rows);
}

function ladderTable({ result }: ReportFacts): Markup {
  const head = ["rung", "memory", "at most", "ms a step", "steps", "accuracy", "configuration"];
  const rows = result.ladder.map((rung, index) => {
    const isLast = index === result.ladder.length - 1;
    return html`<tr${trusted(isLast ? ' class="best"' : "")}><td>${isLast ? "chosen" : index}</td>${predictionCells(rung)}
<td>${formatShare(rung.accuracy.expected)}</td><td class="words">${describeConfig(rung.config)}</td></tr>`;
  });
  return tableCard(head, rows);
}

function predictionCells({ memoryBytes, stepMs, accuracy }: Prediction): readonly Markup[] {
  const bytes = [memoryBytes.expected, memoryBytes.upper].map((each) => formatBytes(each));
  return [...bytes, stepMs.expected.toFixed(0), Math.round(accuracy.steps)].map((cell) => html`<td>${cell}</td>`);
}

function checksTable({ memoryChecks, timeChecks }: ReportFacts): Markup {
  const rows = timeChecks.map((time) => {
    const memory = memoryChecks.find(({ config }) => config === time.config);
    const cells = (check: StepCheck | undefined, show: (value: number) => string): readonly Markup[] =>
      [check?.expected, check?.upper, check?.measured].map(
        (value) => html`<td>${value === undefined ? "–" : show(value)}</td>`,
      );
    return html`<tr><td class="words">${time.config}</td>${cells(memory, formatBytes)}
${cells(time, (ms) => ms.toFixed(1))}</tr>`;
  });
  const head = ["step that the probe measured", "memory", "at most", "measured", "ms", "at most", "measured"];
  return html`<details class="card table"><summary>${timeChecks.length} whole steps that the probe ran</summary>
${table(head, rows)}</details>`;
}

function footer({ document }: ReportFacts): Markup {
  const { model, software } = document.profile;
  return html`MPOptimizer ${software.engine}, TensorFlow ${software.library} ·
model ${model.graphDigest}, ${model.unitCount} units, ${model.parameterCount} parameters`;
}
