import type { ChartProps } from "@mpo/charts";
import { byWhom, formatDuration, formatMoment, formatMs, SECOND_MS } from "@mpo/core";
import type { RolloutDevice, RolloutView } from "@mpo/protocol";
import { html, type Markup } from "../report/html.ts";
import { page, pictures, tableCard } from "../report/page.ts";
import { causeWords, leftOutLine, SHARE_HEAD, shareCells, specOf, WAVE_HEAD, waveRows } from "./plan-tables.ts";
import {
  type ClassedNumber,
  distributionChart,
  memoryChart,
  progressChart,
  timeChart,
  wavesChart,
} from "./rollout-charts.ts";

/** A device of a plan, and its class. */
export interface PlannedDevice extends RolloutDevice {
  readonly deviceClass: string;
}

/** A rollout's plan as a page. Names are escaped. */
export function rolloutPage(rollout: RolloutView, devices: readonly PlannedDevice[]): string {
  const { name, plannedAtMs, plannedBy, distribution } = rollout;
  const { model, description } = specOf(rollout);
  const main = html`<h1>${name}</h1>
<p class="faint">${model} · planned ${formatMoment(plannedAtMs)} UTC by ${byWhom(plannedBy)}</p>
${description === undefined ? "" : html`<p>${description}</p>`}
${tiles(rollout)}
<h2>Who gets what</h2>
${distribution.length === 0 ? html`<p>Nothing is predicted.</p>` : tableCard(SHARE_HEAD, distribution.map(shareCells))}
<h2>Waves</h2>
${tableCard(WAVE_HEAD, waveRows(rollout))}
<h2>Pictures</h2>
${pictures(chartsOf(rollout, devices))}
${slowestOf(rollout)}
${leftOutOf(rollout)}
${assumptionsOf(rollout)}`;
  return page(
    `${name}: who gets what, and when`,
    main,
    html`MPOptimizer · a plan, frozen; nothing has been changed by it`,
  );
}

function tiles({ devices, waves, control, leftOutCount, forecast }: RolloutView): Markup {
  const of = (title: string, value: string | number): Markup => html`<div><dt>${title}</dt><dd>${value}</dd></div>`;
  return html`<div class="card"><dl class="tiles">
${of("devices that change", devices)}
${of("waves", waves.length)}
${of("not changed", leftOutCount)}
${of("of them for comparison", control)}
${forecast === undefined ? "" : of("expected to take", formatDuration(forecast.expectedMs / SECOND_MS))}
${forecast === undefined ? "" : of("changed at once, at most", forecast.peakDevices)}
</dl></div>`;
}

function chartsOf(rollout: RolloutView, devices: readonly PlannedDevice[]): readonly ChartProps[] {
  const memory = numbersOf(devices, ({ memoryBytes }) => memoryBytes);
  const time = numbersOf(devices, ({ stepMs }) => stepMs);
  return [
    ...(rollout.distribution.length === 0 ? [] : [distributionChart(rollout)]),
    ...(rollout.forecast === undefined ? [] : [wavesChart(rollout), progressChart(rollout)]),
    ...(memory.length === 0 ? [] : [memoryChart(memory)]),
    ...(time.length === 0 ? [] : [timeChart(time)]),
  ];
}

function numbersOf(
  devices: readonly PlannedDevice[],
  read: (device: PlannedDevice) => number | undefined,
): readonly ClassedNumber[] {
  return devices.flatMap((device) => {
    const value = read(device);
    return value === undefined ? [] : [{ deviceClass: device.deviceClass, value }];
  });
}

function slowestOf({ forecast }: RolloutView): Markup | string {
  if (forecast === undefined || forecast.slowest.length === 0) return "";
  const rows = forecast.slowest.map(({ device, ms, message }) => [device, formatMs(ms), message]);
  return html`<h2>The slowest devices</h2>${tableCard(["device", "takes", "why"], rows)}`;
}

function leftOutOf(rollout: RolloutView): Markup | string {
  const { leftOut, leftOutCount } = rollout;
  if (leftOutCount === 0) return "";
  const rows = leftOut.map((one) => [one.device, causeWords(one), one.message]);
  return html`<h2>Left out</h2><p>${leftOutLine(rollout)}</p>${tableCard(["device", "because", "why"], rows)}`;
}

function assumptionsOf({ forecast }: RolloutView): Markup | string {
  if (forecast === undefined || forecast.assumptions.length === 0) return "";
  return html`<h2>What the forecast assumes</h2>
<div class="card"><ul>${forecast.assumptions.map((one) => html`<li>${one}</li>`)}</ul></div>`;
}
