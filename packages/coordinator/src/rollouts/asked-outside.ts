import {
  type GateMeasured,
  type Hook,
  hookAddress,
  MpoError,
  type RolloutAction,
  type RolloutSpec,
  type RolloutState,
  withHookAnswer,
  withHookPassed,
  withMeasurement,
} from "@mpo/core";
import { linkSignals } from "@mpo/io";
import { asLine, type DeviceIdentity, type StateCount } from "@mpo/protocol";
import type { StatusService } from "../registry/status-service.ts";
import { type ChangedDevice, measureMetric } from "./gate-metrics.ts";
import { ask, type OutsideParts } from "./outside-calls.ts";
import { measureOutside } from "./outside-gates.ts";

export interface AskingParts extends OutsideParts {
  readonly statuses: Pick<StatusService, "of" | "windows" | "drifted">;
  /** Called when somebody has answered. */
  readonly wake: () => void;
}

/** What gates and hooks are asked of. */
export interface AskedWave {
  readonly tenant: string;
  readonly spec: RolloutSpec;
  readonly state: RolloutState;
  readonly changed: readonly ChangedDevice[];
  readonly control: readonly DeviceIdentity[];
  readonly counts: readonly StateCount[];
}

type Question = Extract<RolloutAction, { readonly kind: "measure" | "hook" }>;
type Change = (spec: RolloutSpec, state: RolloutState, nowMs: number) => RolloutState;

/** A hook that has not said yes is asked again. */
const AGAIN_MS = 10_000;

/** Measures gates and asks hooks while the rollout goes on; what they say is taken in with its next step. */
export class AskedOutside {
  readonly #parts: AskingParts;
  readonly #ends = new AbortController();
  /** When each question may be asked again, by the monotonic clock. */
  readonly #untilMs = new Map<string, number>();
  readonly #asking = new Set<Promise<void>>();
  #answers: Change[] = [];

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** The state after all that was answered since. */
  applied(spec: RolloutSpec, state: RolloutState, nowMs: number): RolloutState {
    const answers = this.#answers;
    this.#answers = [];
    return answers.reduce((next, answer) => answer(spec, next, nowMs), state);
  }

  ask(question: Question, wave: AskedWave, signal: AbortSignal): void {
    const key = question.kind === "hook" ? `hook ${question.hook} ${question.wave}` : `gate ${question.gate}`;
    const nowMs = this.#parts.clock.monotonicMs();
    if ((this.#untilMs.get(key) ?? Number.NEGATIVE_INFINITY) > nowMs) return;
    this.#untilMs.set(key, Number.POSITIVE_INFINITY);
    const asking = this.#asked(question, wave, signal).then((answer) => {
      this.#asking.delete(asking);
      const againMs = question.kind === "hook" ? this.#parts.clock.monotonicMs() + AGAIN_MS : Number.NEGATIVE_INFINITY;
      this.#untilMs.set(key, againMs);
      if (answer === undefined) return;
      this.#answers.push((spec, state, atMs) => (state.wave === question.wave ? answer(spec, state, atMs) : state));
      this.#parts.wake();
    });
    this.#asking.add(asking);
  }

  /** Ends what is still asked, and waits until it has. */
  async end(): Promise<void> {
    this.#ends.abort();
    await Promise.all(this.#asking);
  }

  /** Undefined: it was ended. */
  async #asked(question: Question, wave: AskedWave, signal: AbortSignal): Promise<Change | undefined> {
    using linked = linkSignals(signal, this.#ends.signal);
    try {
      return question.kind === "hook"
        ? await this.#hook(question.hook, wave, linked.signal)
        : await this.#gate(question.gate, wave, linked.signal);
    } catch (thrown) {
      if (linked.signal.aborted) return undefined;
      const { message } = MpoError.from(thrown);
      return (_, state) => withHookAnswer(state, asLine(message));
    }
  }

  async #hook(hook: Hook, wave: AskedWave, signal: AbortSignal): Promise<Change> {
    await ask(this.#parts, hookAddress(wave.spec, hook) ?? "", { hook, ...reportOf(wave) }, signal);
    return (_, state) => (state.hook?.name === hook ? withHookPassed(state) : state);
  }

  async #gate(name: string, wave: AskedWave, signal: AbortSignal): Promise<Change> {
    const { spec, state, changed, control } = wave;
    const gate = spec.gates.find((one) => one.name === name);
    let measured: Pick<GateMeasured, "value" | "sample" | "message">;
    if (gate === undefined) measured = { message: "there is no such gate" };
    else if (gate.metric === undefined) measured = await measureOutside(this.#parts, gate, reportOf(wave), signal);
    else {
      const sinceMs = state.waves[state.wave]?.startedAtMs ?? 0;
      measured = measureMetric(this.#parts.statuses, gate.metric, { model: spec.model, changed, control, sinceMs });
    }
    return (_, next, atMs) =>
      withMeasurement(spec, next, name, { ...measured, atMs, message: asLine(measured.message) });
  }
}

function reportOf({ tenant, spec, state, counts }: AskedWave) {
  return {
    ...{ tenant, rollout: spec.name, wave: state.wave + 1 },
    counts: Object.fromEntries(counts.map(({ state: one, devices }) => [one, devices])),
  };
}
