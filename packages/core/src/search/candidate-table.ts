import type { AccuracyModel, LearningCurve } from "../accuracy/index.ts";
import { type Bounded, type RetrainConfig, remembered } from "../facts/index.ts";
import { type CataloguePlan, type PlanCatalogue, peakAt } from "../memory/index.ts";
import { powersOfTwo } from "../numerics/index.ts";
import type { FixedRates, FreezingChoice } from "../plan/index.ts";
import type { MsCurve } from "../time/index.ts";
import type { CostModel } from "./cost-model.ts";

/**
 * Every candidate of a search with what does not depend on the budget: memory, time of a step, learning curve. Built
 * once for a profile; each search and each re-plan only walks it. Candidate `plan * microBatches.length + j` is that
 * plan at `microBatches[j]`.
 */
export class CandidateTable {
  readonly model: CostModel;
  readonly accuracy: AccuracyModel;
  readonly catalogue: PlanCatalogue;
  readonly effectiveBatch: number;
  /** The powers of two that divide the effective batch, and the batch. */
  readonly microBatches: readonly number[];
  readonly memoryExpected: Float64Array;
  readonly memoryUpper: Float64Array;
  readonly stepMsExpected: Float64Array;
  readonly stepMsUpper: Float64Array;
  /** Candidates by rising expected memory. */
  readonly byMemory: Uint32Array;
  readonly #curves: readonly LearningCurve[];
  /** Times of one micro-batch, by the units' times. */
  readonly #microMs = new Map<CataloguePlan, MsCurve>();

  constructor(model: CostModel, accuracy: AccuracyModel, fixedRates: FixedRates = {}) {
    this.model = model;
    this.accuracy = accuracy;
    this.effectiveBatch = model.profile.effectiveBatch;
    this.microBatches = divisorsOf(this.effectiveBatch);
    this.catalogue = model.catalogue(fixedRates);
    const { plans, choices } = this.catalogue;
    const sizes = this.microBatches.length;
    this.memoryExpected = new Float64Array(plans.length * sizes);
    this.memoryUpper = new Float64Array(plans.length * sizes);
    this.stepMsExpected = new Float64Array(plans.length * sizes);
    this.stepMsUpper = new Float64Array(plans.length * sizes);
    plans.forEach((plan, planIndex) => {
      this.microBatches.forEach((microBatch, size) => {
        const candidate = planIndex * sizes + size;
        const memory = this.roughMemory(plan, microBatch);
        const step = this.stepMs(plan, microBatch);
        this.memoryExpected[candidate] = memory.expected;
        this.memoryUpper[candidate] = memory.upper;
        this.stepMsExpected[candidate] = step.expected;
        this.stepMsUpper[candidate] = step.upper;
      });
    });
    this.byMemory = Uint32Array.from(this.memoryExpected.keys()).sort(
      (left, right) => this.memoryExpected[left]! - this.memoryExpected[right]! || left - right,
    );
    this.#curves = choices.flatMap(({ rates }) => this.microBatches.map((size) => accuracy.curve(rates, size)));
  }

  get count(): number {
    return this.memoryExpected.length;
  }

  plan(candidate: number): CataloguePlan {
    return this.catalogue.plans[Math.floor(candidate / this.microBatches.length)]!;
  }

  microBatch(candidate: number): number {
    return this.microBatches[candidate % this.microBatches.length]!;
  }

  curve(candidate: number): LearningCurve {
    const size = candidate % this.microBatches.length;
    return this.#curves[this.plan(candidate).choice * this.microBatches.length + size]!;
  }

  choice(plan: CataloguePlan): FreezingChoice {
    return this.catalogue.choices[plan.choice]!;
  }

  config(plan: CataloguePlan, microBatch: number): RetrainConfig {
    return {
      microBatch,
      accumulation: this.effectiveBatch / microBatch,
      freezing: this.choice(plan).rates,
      checkpoints: plan.checkpoints,
    };
  }

  /** Memory by the walk over units, with what the pool usually adds: microseconds. */
  roughMemory(plan: CataloguePlan, microBatch: number): Bounded {
    const { slotsPerParameter } = this.model.profile.memoryFacts;
    const copies = slotsPerParameter + (microBatch < this.effectiveBatch ? 1 : 0);
    const peakBytes = copies * plan.trainedBytes + peakAt(plan.peak, microBatch);
    return this.model.roughMemoryBytes(peakBytes, microBatch);
  }

  /** Memory by planning the step and replaying it through the allocator's pool: milliseconds, remembered. */
  exactMemory(plan: CataloguePlan, microBatch: number): Bounded {
    const { costs, profile } = this.model;
    return this.model.memoryBytes(costs.planned(this.config(plan, microBatch), profile.memoryFacts), microBatch);
  }

  stepMs(plan: CataloguePlan, microBatch: number): Bounded {
    const { prices } = this.model;
    const microMs = remembered(this.#microMs, plan, () =>
      prices.scheduleMs(this.catalogue.costs(plan.choice), plan.walked),
    );
    return this.model.stepMs(microMs, {
      microBatch,
      accumulation: this.effectiveBatch / microBatch,
      trainedBytes: plan.trainedBytes,
    });
  }
}

function divisorsOf(batch: number): readonly number[] {
  return [...new Set([...powersOfTwo(batch).filter((size) => batch % size === 0), batch])];
}
