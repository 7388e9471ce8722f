import {
  counted,
  formatBytes,
  formatDuration,
  formatMs,
  formatShare,
  parseRolloutSpec,
  type RolloutSpec,
  SECOND_MS,
  type WaveSpec,
  waveOf,
} from "@mpo/core";
import type { Forecast, LeftOut, PlannedShare, RolloutDevice, RolloutView } from "@mpo/protocol";
import type { Output } from "../command-context.ts";
import { createTable } from "../output/table.ts";

/** What a rollout's file says. */
export function specOf({ spec }: RolloutView): RolloutSpec {
  return parseRolloutSpec(JSON.parse(spec));
}

/** Devices of the left-out list that a terminal shows. */
const SHOWN_LEFT_OUT = 10;

/** Who gets what, when, and who does not, for people. */
export function planLines(rollout: RolloutView, { terminal }: Output): readonly string[] {
  const { name, devices, waves, control, leftOut, leftOutCount, distribution, forecast } = rollout;
  const { model, description } = specOf(rollout);
  const ofControl = control === 0 ? "" : `; ${counted(control)} stay as they are, to be compared with`;
  const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string => {
    const text = createTable(terminal, head);
    text.push(...rows);
    return text.toString();
  };
  return [
    `${name} changes ${counted(devices)} of ${model} in ${counted(waves.length, "wave")}${ofControl}`,
    ...(description === undefined ? [] : [description]),
    ...(distribution.length === 0 ? [] : [table(SHARE_HEAD, distribution.map(shareCells))]),
    table(WAVE_HEAD, waveRows(rollout)),
    ...(leftOutCount === 0 ? [] : [leftOutLine(rollout)]),
    ...leftOut.slice(0, SHOWN_LEFT_OUT).map(({ device, message }) => `  ${device}: ${message}`),
    ...(leftOutCount > SHOWN_LEFT_OUT ? [`  and ${leftOutCount - SHOWN_LEFT_OUT} more`] : []),
    ...(forecast === undefined ? ["how long it will take was not simulated"] : forecastLines(forecast)),
  ];
}

export const SHARE_HEAD = ["configuration", "devices", "memory up to", "step up to", "accuracy"] as const;

export function shareCells({ config, devices, ...predicted }: PlannedShare): readonly (string | number)[] {
  return [config, devices, ...predictedCells(predicted)];
}

/** What is not predicted is a dash. */
export function predictedCells({
  memoryBytes,
  stepMs,
  accuracy,
}: Pick<RolloutDevice, "memoryBytes" | "stepMs" | "accuracy">): readonly string[] {
  return [
    memoryBytes === undefined ? "-" : formatBytes(memoryBytes),
    stepMs === undefined ? "-" : formatMs(stepMs),
    accuracy === undefined ? "-" : formatShare(accuracy),
  ];
}

export const WAVE_HEAD = ["wave", "who", "devices", "begins", "watched for", "over after"] as const;

export function waveRows(rollout: RolloutView): readonly (readonly (string | number)[])[] {
  const spec = specOf(rollout);
  return rollout.waves.map(({ devices }, index) => {
    const wave = waveOf(spec, index);
    const endMs = rollout.forecast?.waveEndsMs[index];
    return [
      index + 1,
      index < spec.waves.length ? chosenWords(wave) : "whoever is left",
      devices,
      wave.approval === "manual" ? "when approved" : "by itself",
      wave.dwell === 0 ? "-" : formatDuration(wave.dwell / SECOND_MS),
      endMs === undefined ? "-" : `about ${formatDuration(endMs / SECOND_MS)}`,
    ];
  });
}

function chosenWords({ where, count, percent }: WaveSpec): string {
  const size = count === undefined ? percent && `up to ${formatShare(percent)} of all` : counted(count);
  return [where, size].filter((part) => part !== undefined && part !== 0).join("; ");
}

const CAUSES: Readonly<Record<LeftOut["cause"], string>> = {
  "no-profile": "not measured",
  "old-profile": "to be measured again",
  "does-not-fit": "nothing fits",
  "not-served": "does not serve the model",
  "unknown-zone": "time zone unknown",
  excluded: "excluded",
  control: "control group",
};

/** `5 devices are not changed: 3 nothing fits, 2 not measured`. */
export function leftOutLine({ leftOut, leftOutCount }: RolloutView): string {
  const counts = Object.entries(CAUSES).flatMap(([cause, words]) => {
    const those = leftOut.filter((one) => one.cause === cause).length;
    return those === 0 ? [] : [`${those} ${words}`];
  });
  const more = leftOutCount > leftOut.length ? [`${leftOutCount - leftOut.length} not listed`] : [];
  return `${counted(leftOutCount)} ${leftOutCount === 1 ? "is" : "are"} not changed: ${[...counts, ...more].join(", ")}`;
}

export function causeWords({ cause }: LeftOut): string {
  return CAUSES[cause];
}

function forecastLines({ expectedMs, peakDevices, slowest, assumptions }: Forecast): readonly string[] {
  return [
    `expected to take about ${formatDuration(expectedMs / SECOND_MS)}, with up to ${counted(peakDevices)} being changed at once`,
    ...slowest.map(({ device, ms, message }) => `  ${device} takes ${formatMs(ms)}: ${message}`),
    ...assumptions.map((assumption) => `  assumed: ${assumption}`),
  ];
}
