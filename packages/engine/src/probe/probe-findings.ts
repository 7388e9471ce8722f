import { type AccuracySample, CostModel, type CostProfile, mean, PROFILE_VERSION, type Profile } from "@mpo/core";
import { parameterCount } from "../model/variables.ts";
import { ENGINE_VERSION } from "./engine-version.ts";
import { graphDigest } from "./graph-digest.ts";
import type { MeasuredStep } from "./measure-step.ts";
import type { ProbeContext } from "./probe-context.ts";
import { consistentTimes } from "./timing/consistent-times.ts";
import { unitTimeSamples, updateSample } from "./timing/unit-time-samples.ts";
import type { UnitTimingReport } from "./timing/unit-timing.ts";

/** What a probe has measured until now. */
export class ProbeFindings {
  readonly #context: ProbeContext;
  readonly #steps: MeasuredStep[] = [];
  #timing: UnitTimingReport | undefined;
  #peakBytes = 0;

  constructor(context: ProbeContext) {
    this.#context = context;
  }

  get steps(): readonly MeasuredStep[] {
    return this.#steps;
  }

  get isTimed(): boolean {
    return this.#timing !== undefined;
  }

  keepTiming(timing: UnitTimingReport): void {
    this.#timing = timing;
    this.#peakBytes = timing.peakBytes;
  }

  keepStep(step: MeasuredStep): void {
    this.#steps.push(step);
    const { idleBytes, stateBytes } = step.loaded;
    const grown = (step.sample.peakBytes ?? 0) - stateBytes;
    this.#peakBytes = Math.max(this.#peakBytes, idleBytes + grown);
  }

  /** What a config takes, as far as is known now. */
  costModel(): CostModel {
    const { chain, costs } = this.#context;
    return new CostModel(chain, this.#costProfile(), costs);
  }

  profile(accuracy: readonly AccuracySample[]): Profile {
    const { task, chain, method, clock, hasBatchStatistics } = this.#context;
    const { model, device, known } = task;
    const measuredAtMs = clock.now();
    const spent = { ms: this.#context.spentMs(), peakBytes: this.#peakBytes, configs: this.#steps.length };
    if (known !== undefined) return { ...known, accuracy, spent, measuredAtMs };
    const measured = this.#costProfile();
    const fresh = this.#steps.filter(({ sample }) => sample.peakBytes !== undefined);
    const idle = fresh.map(({ loaded }) => loaded.idleBytes - loaded.stateBytes).sort((a, b) => a - b);
    return {
      version: PROFILE_VERSION,
      model: {
        name: model.graph.name,
        graphDigest: graphDigest(model.graph),
        unitCount: chain.units.length,
        parameterCount: parameterCount(model.graph).trainable,
        hasBatchStatistics,
      },
      device,
      software: { engine: ENGINE_VERSION, library: this.#timing?.tensorflowVersion ?? "unknown" },
      method: { loss: method.loss, optimizer: method.optimizer.kind },
      ...measured,
      idleBytes: idle[Math.floor(idle.length / 2)] ?? 0,
      accuracy,
      spent: { ...spent, ...measured.spent },
      measuredAtMs,
    };
  }

  #costProfile(): CostProfile {
    const { task, chain, memoryFacts } = this.#context;
    if (task.known !== undefined) return task.known;
    const timing = this.#timing;
    return {
      memoryFacts,
      effectiveBatch: task.effectiveBatch,
      unitTimes: timing === undefined ? [] : consistentTimes(unitTimeSamples(chain, timing)),
      steps: this.#steps.map(({ sample }) => sample),
      updates: timing === undefined ? [] : [updateSample(chain, timing)],
      spent: this.#disturbance(),
    };
  }

  /** How busy others kept the processor, over all that counts as measured. */
  #disturbance(): { readonly othersCpuShare?: number } {
    const measured = [...(this.#timing?.steps ?? []), ...this.#steps];
    const shares = measured.flatMap(({ othersCpuShare }) => othersCpuShare ?? []);
    if (shares.length === 0) return {};
    return { othersCpuShare: mean(shares) };
  }
}
