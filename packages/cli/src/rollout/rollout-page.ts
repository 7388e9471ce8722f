import { byWhom, counted, formatBytes, formatDuration, formatMoment, formatMs, MIB, SECOND_MS } from "@mpo/core";
import type { RolloutDevice, RolloutView } from "@mpo/protocol";
import { html, type Markup } from "../report/html.ts";
import { figures, type Picture, page, picture, table, tableCard } from "../report/page.ts";
import { causeWords, leftOutLine, SHARE_HEAD, shareCells, specOf, WAVE_HEAD, waveRows } from "./plan-tables.ts";
import { type ClassedNumber, distributionChart, histogramChart, progressChart, wavesChart } from "./rollout-charts.ts";

/** A device of a plan, and its class. */
export interface PlannedDevice extends RolloutDevice {
  readonly deviceClass: string;
}

/** A rollout's plan as a page. Names are escaped. */
export async function rolloutPage(rollout: RolloutView, devices: readonly PlannedDevice[]): Promise<string> {
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
${figures(await picturesOf(rollout, devices))}
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

async function picturesOf(rollout: RolloutView, devices: readonly PlannedDevice[]): Promise<readonly Picture[]> {
  const { distribution, forecast } = rollout;
  const memory = numbersOf(devices, ({ memoryBytes }) => memoryBytes);
  const time = numbersOf(devices, ({ stepMs }) => stepMs);
  const inMib = memory.map(({ deviceClass, value }) => ({ deviceClass, value: value / MIB }));
  const pictures: Promise<Picture>[] = [];
  if (distribution.length > 0) {
    const numbered = distribution.map((share, index) => [index + 1, share.devices, share.config]);
    const numbers = table(["number", "devices", "configuration"], numbered);
    pictures.push(
      picture("Distribution of configurations", "Devices that get each.", distributionChart(rollout), numbers),
    );
  }
  if (forecast !== undefined) {
    const rows = forecast.waveEndsMs.map((endMs, index) => [
      index + 1,
      rollout.waves[index]?.devices ?? 0,
      formatDuration(endMs / SECOND_MS),
    ]);
    const numbers = table(["wave", "devices", "over after"], rows);
    const peak = `Dashed: ${counted(forecast.peakDevices)}, the most that are being changed at once.`;
    pictures.push(
      picture("Waves over time", "When each wave runs, as forecast.", wavesChart(rollout), numbers),
      picture("Devices that are changed", `As waves end. ${peak}`, progressChart(rollout), numbers),
    );
  }
  if (memory.length > 0) {
    const caption = "Bounds of a step's memory above the idle process, for each device.";
    const chart = histogramChart(inMib, "memory (MiB)");
    pictures.push(picture("Predicted memory", caption, chart, classTable(memory, formatBytes)));
  }
  if (time.length > 0) {
    const chart = histogramChart(time, "time of a step (ms)");
    pictures.push(
      picture("Predicted time", "Bounds of a step's time, for each device.", chart, classTable(time, formatMs)),
    );
  }
  return await Promise.all(pictures);
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

function classTable(numbers: readonly ClassedNumber[], show: (value: number) => string): Markup {
  const classes = [...new Set(numbers.map(({ deviceClass }) => deviceClass))].sort();
  const rows = classes.map((one) => {
    const values = numbers.flatMap(({ deviceClass, value }) => (deviceClass === one ? [value] : []));
    const sorted = values.sort((left, right) => left - right);
    const at = (share: number): string => show(sorted[Math.round(share * (sorted.length - 1))] as number);
    return [one, sorted.length, at(0), at(0.5), at(1)];
  });
  return table(["class", "devices", "least", "median", "most"], rows);
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
