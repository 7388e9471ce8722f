import {
  byWhom,
  DEVICE_STATES,
  formatAge,
  formatDuration,
  formatVersion,
  type GateState,
  type Measurement,
  SECOND_MS,
} from "@mpo/core";
import type { RolloutDevice, RolloutView, StateCount, WaveView } from "@mpo/protocol";
import type { Output } from "../command-context.ts";
import { createTable } from "../output/table.ts";

/** Where a rollout stands, for people. States of devices are never put into one figure. */
export function statusLines(rollout: RolloutView, nowMs: number, { terminal }: Output): readonly string[] {
  const { waves, counts } = rollout;
  const states = DEVICE_STATES.filter((state) => counts.some((one) => one.state === state));
  const table = createTable(terminal, ["wave", "is", "since", "devices", ...states]);
  waves.forEach((wave, index) => {
    const ofStates = states.map((state) => wave.counts.find((one) => one.state === state)?.devices ?? "");
    table.push([index + 1, waveWords(wave), formatAge(nowMs - wave.sinceMs), wave.devices, ...ofStates]);
  });
  return [...standLines(rollout, nowMs), table.toString(), ...gateTable(waves, nowMs, terminal)];
}

/** `less-memory has been halted for 3 min 05 s: wave 2 failed`, and why it does not move. */
export function standLines({ name, phase, sinceMs, reason, waitsFor }: RolloutView, nowMs: number): readonly string[] {
  const lasts = formatDuration((nowMs - sinceMs) / SECOND_MS);
  return [
    `${name} has been ${phase} for ${lasts}${reason === "" ? "" : `: ${byWhom(reason)}`}`,
    ...(waitsFor === undefined ? [] : [`waits for: ${byWhom(waitsFor)}`]),
  ];
}

function waveWords({ state, approvedBy }: WaveView): string {
  return approvedBy === undefined ? state : `${state}, approved by ${byWhom(approvedBy)}`;
}

function gateTable(waves: readonly WaveView[], nowMs: number, terminal: Output["terminal"]): readonly string[] {
  const rows = waves.flatMap(({ gates }, index) =>
    gates.map((gate) => [index + 1, gate.name, gate.verdict ?? "measuring", tallyOf(gate), newestOf(gate, nowMs)]),
  );
  if (rows.length === 0) return [];
  const table = createTable(terminal, ["wave", "gate", "says", "measured", "newest"]);
  table.push(...rows);
  return [table.toString()];
}

function tallyOf({ taken, failures, inconclusives }: GateState): string {
  const bad = [
    ...(failures === 0 ? [] : [`${failures} failed`]),
    ...(inconclusives === 0 ? [] : [`${inconclusives} without an answer`]),
  ];
  return [taken === 1 ? "once" : `${taken} times`, ...bad].join(", ");
}

function newestOf({ measurements }: GateState, nowMs: number): string {
  const newest = measurements.at(-1);
  return newest === undefined ? "nothing yet" : `${measuredWords(newest)}, ${formatAge(nowMs - newest.atMs)}`;
}

/** `0.12 of 34: failure, 0.12 is not <= 0.05`. */
export function measuredWords({ value, sample, verdict, message }: Measurement): string {
  const of = sample === undefined ? "" : ` of ${sample}`;
  const number = value === undefined ? "no number" : `${Number(value.toPrecision(4))}${of}`;
  return `${number}: ${verdict}${message === "" ? "" : `, ${message}`}`;
}

/** `3 confirmed, 1 failed`, in the order of a device's way. */
export function countWords(counts: readonly StateCount[]): string {
  const words = DEVICE_STATES.flatMap((state) =>
    counts.filter((one) => one.state === state).map(({ devices }) => `${devices} ${state}`),
  );
  return words.join(", ") || "no device";
}

export const DEVICE_HEAD = ["device", "wave", "state", "since", "tries", "before", "given", "why"] as const;

export function deviceCells(device: RolloutDevice, nowMs: number): readonly (string | number)[] {
  const { wave, state, sinceMs, attempts, before, given, message } = device;
  const version = (of: RolloutDevice["given"]): string => (of === undefined ? "none" : formatVersion(of));
  const since = formatAge(nowMs - sinceMs);
  return [device.device, wave + 1, state, since, attempts, version(before), version(given), message];
}
