import { type Condition, fulfils } from "./condition.ts";
import type { GateState, Measurement, RolloutState, Verdict, WaveState } from "./rollout-state.ts";
import type { GateSpec, RolloutSpec } from "./spec.ts";

/** Measurements that are kept to be shown. */
const KEPT = 16;

/** What was measured for a gate. */
export interface Measured {
  readonly atMs: number;
  /** Absent: there was no answer. */
  readonly value?: number | undefined;
  /** Devices, checks or windows that it stands on; absent: not known. */
  readonly sample?: number | undefined;
  readonly message: string;
}

/** The gates of a wave that begins. */
export function newGates({ gates }: RolloutSpec, nowMs: number): readonly GateState[] {
  return gates.map(({ name, initialDelay }) => ({
    name,
    ...{ measurements: [], taken: 0, failures: 0, inconclusives: 0, successesInRow: 0 },
    nextAtMs: nowMs + initialDelay,
  }));
}

/** Names of the gates that are to be measured now. */
export function dueGates({ gates }: WaveState, nowMs: number): readonly string[] {
  return gates.filter(({ verdict, nextAtMs }) => verdict === undefined && nextAtMs <= nowMs).map(({ name }) => name);
}

/** The state after a measurement of a gate of the wave that runs; one that is over, or not known, stays as it is. */
export function withMeasurement(
  spec: RolloutSpec,
  state: RolloutState,
  gate: string,
  measured: Measured,
): RolloutState {
  const gateSpec = spec.gates.find(({ name }) => name === gate);
  const wave = state.waves[state.wave];
  if (gateSpec === undefined || wave === undefined) return state;
  const gates = wave.gates.map((one) =>
    one.name === gate && one.verdict === undefined ? measuredGate(gateSpec, one, measured, wave.state) : one,
  );
  return { ...state, waves: state.waves.map((one) => (one === wave ? { ...wave, gates } : one)) };
}

function measuredGate(spec: GateSpec, gate: GateState, measured: Measured, wave: WaveState["state"]): GateState {
  const { atMs, value, sample, message } = measured;
  const verdict = verdictOf(spec, measured);
  const isNumber = value !== undefined && Number.isFinite(value);
  const measurement: Measurement = {
    ...{ atMs, verdict, message },
    ...(isNumber ? { value } : {}),
    ...(sample === undefined ? {} : { sample }),
  };
  const next = {
    ...gate,
    measurements: [...gate.measurements, measurement].slice(-KEPT),
    nextAtMs: atMs + Math.max(1, spec.interval),
  };
  // While devices are still being changed a gate may stop the wave; what it needs to pass is counted afterwards.
  if (wave !== "dwelling" && verdict !== "failure") return next;
  const counted = {
    ...next,
    taken: gate.taken + 1,
    failures: gate.failures + (verdict === "failure" ? 1 : 0),
    inconclusives: gate.inconclusives + (verdict === "inconclusive" ? 1 : 0),
    successesInRow: verdict === "success" ? gate.successesInRow + 1 : 0,
  };
  const isFailed = counted.failures > spec.failureLimit;
  const over = wave === "dwelling" ? overOf(spec, counted) : isFailed ? "failure" : undefined;
  return over === undefined ? counted : { ...counted, verdict: over };
}

/** What one measurement says. Without a number, or on too few, it says nothing. */
function verdictOf({ success, failure, minimumSample }: GateSpec, { value, sample }: Measured): Verdict {
  if (value === undefined || !Number.isFinite(value)) return "inconclusive";
  if (sample !== undefined && sample < minimumSample) return "inconclusive";
  if (failure !== undefined && fulfils(failure, value)) return "failure";
  if (success !== undefined && fulfils(success, value)) return "success";
  // With one condition the other is its opposite; between two lies what cannot be said.
  if (success === undefined) return "success";
  return failure === undefined ? "failure" : "inconclusive";
}

/** By which condition a number is a failure, as it is written: "> 0.05", "not <= 0.05"; undefined: it is none. */
export function failedBy({ success, failure }: GateSpec, value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  const written = ({ operator, value: than }: Condition): string => `${operator} ${than}`;
  if (failure !== undefined) return fulfils(failure, value) ? written(failure) : undefined;
  return success === undefined || fulfils(success, value) ? undefined : `not ${written(success)}`;
}

/** How a gate is over; undefined: it is not. A measurement without an answer is forgiven, or another one is made. */
function overOf(spec: GateSpec, gate: GateState): Verdict | undefined {
  const { taken, failures, inconclusives, successesInRow } = gate;
  if (failures > spec.failureLimit) return "failure";
  if (inconclusives > spec.inconclusiveLimit) return "inconclusive";
  if (spec.consecutiveSuccesses !== undefined && successesInRow >= spec.consecutiveSuccesses) return "success";
  const answers = taken - inconclusives;
  if (answers < spec.count) return undefined;
  return answers > failures ? "success" : "inconclusive";
}

/** What all gates of a wave say together, without those that decide nothing; undefined: some are not over. */
export function gatesVerdict(
  { gates: specs }: RolloutSpec,
  { gates }: WaveState,
): { readonly verdict: Verdict; readonly gate?: GateState } | undefined {
  const deciding = gates.filter(({ name }) => specs.find((spec) => spec.name === name)?.dryRun === false);
  for (const verdict of ["failure", "inconclusive"] as const) {
    const gate = deciding.find((one) => one.verdict === verdict);
    if (gate !== undefined) return { verdict, gate };
  }
  return deciding.every(({ verdict }) => verdict === "success") ? { verdict: "success" } : undefined;
}
