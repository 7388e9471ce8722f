import {
  type Bounded,
  type Chain,
  type CostProfile,
  type RetrainConfig,
  resolveRetrainConfig,
} from "../facts/index.ts";
import { MemoryLaw, PlanCatalogue, type PlannedGrowth, placementFor, UnitCostTable } from "../memory/index.ts";
import type { FixedRates } from "../plan/index.ts";
import { type MsCurve, msAt, type StepShape, TimeLaw, type WorkPrices } from "../time/index.ts";

export interface StepPrediction {
  /** Bytes above the idle process. */
  readonly memoryBytes: Bounded;
  readonly stepMs: Bounded;
  /** What the model has not seen and may be wrong about; empty: nothing. */
  readonly unknowns: readonly string[];
}

/** Other programs' share of the processor during a probe above which its times are doubted. */
const BUSY_SHARE = 0.15;
/** Margin grows by this share for each doubling of the micro-batch past what was measured. */
const EXTRAPOLATION = 0.5;

/**
 * Memory and time of any config of one model on one device. The plan of the config gives the base: its growth through
 * the allocator's pool, and the sum of its units' times. A law of each, fitted to whole steps, corrects it and says how
 * far off it may be.
 */
export class CostModel {
  readonly chain: Chain;
  readonly profile: CostProfile;
  readonly costs: UnitCostTable;
  readonly #memory: MemoryLaw;
  readonly #time: TimeLaw;
  readonly #measuredMicroBatches: { readonly least: number; readonly most: number };

  /** `costs` may be shared between all profiles of one chain. */
  constructor(chain: Chain, profile: CostProfile, costs: UnitCostTable = new UnitCostTable(chain)) {
    this.chain = chain;
    this.profile = profile;
    this.costs = costs;
    this.#memory = new MemoryLaw(profile, costs);
    this.#time = new TimeLaw(profile, costs);
    const seen = [...profile.steps.map(({ config }) => config), ...profile.unitTimes].map(
      ({ microBatch }) => microBatch,
    );
    this.#measuredMicroBatches = { least: Math.min(...seen), most: Math.max(...seen) };
  }

  /** The plans that a search chooses from. Times are weighed at about `microBatch`. */
  catalogue(fixed: FixedRates = {}, microBatch: number = 16): PlanCatalogue {
    const forwardMs = this.costs
      .unfrozen()
      .map((unit, index) => msAt(this.prices.unitMs(unit, index).forward, microBatch));
    const placement = placementFor(this.costs, forwardMs, microBatch);
    return PlanCatalogue.of(this.costs, placement, { fixed, facts: this.profile.memoryFacts });
  }

  /** Time of each unit in each way of running it. */
  get prices(): WorkPrices {
    return this.#time.prices;
  }

  /** Everything about one config. Throws `invalid-argument` for one that the chain cannot run. */
  predict(partial: Partial<RetrainConfig>): StepPrediction {
    const config = resolveRetrainConfig(partial);
    const planned = this.costs.planned(config, this.profile.memoryFacts);
    return {
      memoryBytes: this.memoryBytes(planned, config.microBatch),
      stepMs: this.stepMs(this.#time.microMs(config), { ...config, trainedBytes: planned.trainedBytes }),
      unknowns: this.unknowns(config),
    };
  }

  /** Growth of the process for a planned one. */
  memoryBytes(planned: PlannedGrowth, microBatch: number): Bounded {
    return this.#memory.growth(planned, this.#stretch(microBatch));
  }

  /** About the same, from the timeline's peak alone: for many configs at once. */
  roughMemoryBytes(timelineBytes: number, microBatch: number): Bounded {
    return this.#memory.roughGrowth(timelineBytes, this.#stretch(microBatch));
  }

  /** Time of one step of which one micro-batch takes `microMs` by the unit times. */
  stepMs(microMs: MsCurve, shape: StepShape): Bounded {
    return this.#time.stepMs(microMs, shape, this.#stretch(shape.microBatch));
  }

  /** What the model does not know about a config. */
  unknowns({ microBatch, checkpoints, accumulation }: RetrainConfig): readonly string[] {
    const { steps, unitTimes, spent } = this.profile;
    const found: string[] = [];
    const { least, most } = this.#measuredMicroBatches;
    const { measurements } = this.#memory;
    if (!Number.isFinite(least)) found.push("nothing was measured: times are those of a slow core");
    else if (microBatch < least || microBatch > most) {
      found.push(`micro-batch ${microBatch} lies outside the measured ${least} to ${most}`);
    }
    if (unitTimes.length === 0) found.push("no unit's time was measured: shares come from operation counts");
    if (measurements === 0) found.push("no memory was measured: the bound is a guess");
    else found.push(`the memory bound rests on ${measurements} measurements`);
    if (checkpoints.kind !== "none" && steps.every(({ config }) => config.checkpoints.kind === "none")) {
      found.push("no step with recomputing was measured");
    }
    if (accumulation > 1 && steps.every(({ config }) => config.accumulation === 1)) {
      found.push("no step with accumulation was measured");
    }
    const { othersCpuShare = 0 } = spent;
    if (othersCpuShare > BUSY_SHARE) {
      const share = `${Math.round(100 * othersCpuShare)} %`;
      found.push(`other programs took ${share} of the processor while this was measured: times may be too long`);
    }
    return found;
  }

  /** More margin where the micro-batch lies past what was measured. */
  #stretch(microBatch: number): number {
    const { least, most } = this.#measuredMicroBatches;
    if (!Number.isFinite(least)) return 1;
    const doublings = Math.max(0, Math.log2(microBatch / most), Math.log2(least / microBatch));
    return 1 + EXTRAPOLATION * doublings;
  }
}
