import {
  DRIFT_START,
  type DriftLimits,
  type DriftSign,
  type DriftState,
  hasReference,
  watchInputs,
} from "../drift/drift-detector.ts";
import type { ServingApp } from "../ports/serving-app.ts";

/** A drift that was noticed and not answered yet. */
export interface NoticedDrift {
  readonly model: string;
  readonly signs: readonly DriftSign[];
  readonly noticedAtMs: number;
}

/** Watches the inputs of all models that are served here. */
export class DriftWatch {
  readonly #serving: ServingApp;
  readonly #limits: DriftLimits;
  readonly #states: Map<string, DriftState>;
  readonly #cursors = new Map<string, string>();
  readonly #noticed = new Map<string, NoticedDrift>();

  /** `states`: references that an earlier process wrote down. */
  constructor(serving: ServingApp, limits: DriftLimits, states: Readonly<Record<string, DriftState>>) {
    this.#serving = serving;
    this.#limits = limits;
    this.#states = new Map(Object.entries(states));
  }

  /** What is to be written down: complete references only. */
  get references(): Readonly<Record<string, DriftState>> {
    const complete = [...this.#states].filter(([, state]) => hasReference(state, this.#limits));
    return Object.fromEntries(complete);
  }

  /** Reads the new inputs of a model. Returns whether there is something new to write down. */
  async look(model: string, nowMs: number): Promise<boolean> {
    const { summaries, cursor } = await this.#serving.inputsAfter(model, this.#cursors.get(model) ?? "");
    this.#cursors.set(model, cursor);
    let state = this.#states.get(model) ?? DRIFT_START;
    const wasComplete = hasReference(state, this.#limits);
    for (const summary of summaries) {
      const verdict = watchInputs(state, summary, this.#limits);
      state = verdict.state;
      if (verdict.signs.length > 0 && !this.#noticed.has(model)) {
        this.#noticed.set(model, { model, signs: verdict.signs, noticedAtMs: nowMs });
      }
    }
    this.#states.set(model, state);
    return hasReference(state, this.#limits) && !wasComplete;
  }

  /** The drift of a model that waits for a window. */
  noticed(model: string): NoticedDrift | undefined {
    return this.#noticed.get(model);
  }

  /** Confidences of the reference: what a label-free estimate is set by. */
  referenceConfidences(model: string): readonly number[] {
    return this.#states.get(model)?.confidences ?? [];
  }

  /** A window has answered the drift: what comes now is the new reference. */
  answered(model: string): void {
    this.#noticed.delete(model);
    this.#states.set(model, DRIFT_START);
  }
}
