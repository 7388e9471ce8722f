import { type DriftSignature, driftSignature } from "@mpo/core";
import {
  DRIFT_START,
  type DriftLimits,
  type DriftSign,
  type DriftState,
  hasReference,
  watchInputs,
} from "../drift/drift-detector.ts";
import { type InputSummary, joinedLook } from "../drift/input-summary.ts";
import type { ServingApp } from "../ports/serving-app.ts";

/** A drift that was noticed and not answered yet. */
export interface NoticedDrift {
  readonly model: string;
  readonly signs: readonly DriftSign[];
  readonly noticedAtMs: number;
  /** Inputs after it are those that gave the drift away and newer ones: what a window trains on. */
  readonly cursor: string;
}

/** What is remembered over a restart, by model. */
export interface DriftMemory {
  readonly drift: Readonly<Record<string, DriftState>>;
  /** Inputs up to here were looked at: older ones are no news to the next process. */
  readonly cursors: Readonly<Record<string, string>>;
}

/** Files of inputs that a signature is of, at most. */
const MAX_NEWEST = 64;

/** Watches the inputs of all models that are served here. */
export class DriftWatch {
  readonly #serving: ServingApp;
  readonly #limits: DriftLimits;
  readonly #states: Map<string, DriftState>;
  readonly #cursors: Map<string, string>;
  readonly #noticed = new Map<string, NoticedDrift>();
  /** The newest inputs; once a drift is noticed, those that came with it and after it. */
  readonly #newest = new Map<string, readonly InputSummary[]>();

  /** `memory`: what an earlier process wrote down. */
  constructor(serving: ServingApp, limits: DriftLimits, memory: DriftMemory) {
    this.#serving = serving;
    this.#limits = limits;
    this.#states = new Map(Object.entries(memory.drift));
    this.#cursors = new Map(Object.entries(memory.cursors));
  }

  /** What is to be written down: complete references only. */
  get memory(): DriftMemory {
    const complete = [...this.#states].filter(([, state]) => hasReference(state, this.#limits));
    return { drift: Object.fromEntries(complete), cursors: Object.fromEntries(this.#cursors) };
  }

  /** Reads the new inputs of a model. Returns whether there is something new to write down. */
  async look(model: string, nowMs: number): Promise<boolean> {
    const { summaries, cursor } = await this.#serving.inputsAfter(model, this.cursor(model));
    this.#cursors.set(model, cursor);
    let state = this.#states.get(model) ?? DRIFT_START;
    const wasComplete = hasReference(state, this.#limits);
    for (const summary of summaries) {
      const verdict = watchInputs(state, summary, this.#limits);
      state = verdict.state;
      if (verdict.signs.length > 0 && !this.#noticed.has(model)) {
        this.#noticed.set(model, { model, signs: verdict.signs, noticedAtMs: nowMs, cursor: summary.before });
        this.#newest.delete(model);
      }
      this.#newest.set(model, [...(this.#newest.get(model) ?? []), summary].slice(-MAX_NEWEST));
    }
    this.#states.set(model, state);
    return hasReference(state, this.#limits) && !wasComplete;
  }

  /** Where the newest input of a model is in their order; "": none has come. */
  cursor(model: string): string {
    return this.#cursors.get(model) ?? "";
  }

  /** The drift of a model that waits for a window. */
  noticed(model: string): NoticedDrift | undefined {
    return this.#noticed.get(model);
  }

  /** What the inputs look like that a window would answer; undefined: none have come since the start. */
  signature(model: string): DriftSignature | undefined {
    const look = joinedLook(this.#newest.get(model) ?? []);
    return look && driftSignature(look);
  }

  /** Confidences of the reference: what a label-free estimate is set by. */
  referenceConfidences(model: string): readonly number[] {
    return this.#states.get(model)?.confidences ?? [];
  }

  /** A window has answered the drift: what comes from now on is the new reference. */
  async answered(model: string): Promise<void> {
    this.#noticed.delete(model);
    this.#newest.delete(model);
    this.#states.set(model, DRIFT_START);
    // What came during the window was predicted by the weights that are gone.
    const { cursor } = await this.#serving.inputsAfter(model, this.cursor(model));
    this.#cursors.set(model, cursor);
  }
}
