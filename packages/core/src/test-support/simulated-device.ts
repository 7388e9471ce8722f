import fc from "fast-check";
import type { Chain } from "../facts/chain.ts";
import type { Measured } from "../facts/measured.ts";
import type { CostProfile, Profile, UnitTimeSample } from "../facts/profile.ts";
import { accumulationFor, NOTHING_FROZEN, type RetrainConfig } from "../facts/retrain-config.ts";
import { residentGrowth } from "../memory/resident-memory.ts";
import { planStep } from "../plan/plan-step.ts";
import { readsOf, type StepPlan, writesOf } from "../plan/step-plan.ts";
import { emptyProfile } from "./tiny-profile.ts";

/** A device that exists only in numbers, instruction by instruction: it shares no code with the cost model. */
export interface SimulatedDevice {
  readonly flopsPerMs: number;
  readonly bytesPerMs: number;
  readonly launchMs: number;
  readonly stepMs: number;
  readonly memoryScale: number;
  readonly memoryOffsetBytes: number;
  /** Relative noise, drawn from this seed. */
  readonly noise: number;
  readonly seed: number;
}

export const SLOW_BOARD: SimulatedDevice = {
  flopsPerMs: 4e6,
  bytesPerMs: 4e5,
  launchMs: 0.03,
  stepMs: 2,
  memoryScale: 1.06,
  memoryOffsetBytes: 2e6,
  noise: 0.02,
  seed: 7,
};

/** Measures configs and units on a simulated device; the same calls give the same numbers. */
export class SimulatedProber {
  readonly #device: SimulatedDevice;
  readonly #chain: Chain;
  readonly #noise: Iterator<number>;

  constructor(chain: Chain, device: SimulatedDevice = SLOW_BOARD) {
    this.#device = device;
    this.#chain = chain;
    const unit = fc.double({ min: -1, max: 1, noNaN: true, noDefaultInfinity: true });
    this.#noise =
      fc
        .sample(fc.array(unit, { minLength: 4000, maxLength: 4000, size: "max" }), { seed: device.seed, numRuns: 1 })[0]
        ?.values() ?? [].values();
  }

  trueMs(config: RetrainConfig): number {
    const plan = planStep(this.#chain, config);
    const ms = plan.microStep.map((_, index) => this.#instructionMs(plan, index)).reduce((sum, one) => sum + one, 0);
    return config.accumulation * ms + this.#device.stepMs;
  }

  trueBytes(config: RetrainConfig, profile: CostProfile): number {
    const planned = residentGrowth(planStep(this.#chain, config), profile.memoryFacts);
    return this.#device.memoryScale * planned + this.#device.memoryOffsetBytes;
  }

  step(config: RetrainConfig, profile: CostProfile): Measured {
    return {
      config,
      plannedBytes: residentGrowth(planStep(this.#chain, config), profile.memoryFacts),
      peakBytes: this.trueBytes(config, profile) * this.#jitter(),
      stepMs: [1, 2, 3].map(() => this.trueMs(config) * this.#jitter()),
    };
  }

  unitTimes(microBatch: number): readonly UnitTimeSample[] {
    const plan = planStep(this.#chain, { microBatch });
    const sums = this.#chain.units.map(() => ({ forward: 0, backward: 0 }));
    plan.microStep.forEach((instruction, index) => {
      if (instruction.kind !== "forward" && instruction.kind !== "backward") return;
      const sum = sums[this.#chain.ops[instruction.op]?.unit ?? 0];
      if (sum !== undefined) sum[instruction.kind] += this.#instructionMs(plan, index);
    });
    return sums.map(({ forward, backward }, unit) => ({
      unit,
      microBatch,
      forwardMs: [1, 2, 3].map(() => forward * this.#jitter()),
      backwardMs: [1, 2, 3].map(() => backward * this.#jitter()),
    }));
  }

  #jitter(): number {
    return 1 + this.#device.noise * (this.#noise.next().value ?? 0);
  }

  #instructionMs(plan: StepPlan, index: number): number {
    const instruction = plan.microStep[index];
    if (instruction === undefined) return 0;
    const b = plan.config.microBatch;
    const tensors = [...readsOf(instruction), ...writesOf(instruction)];
    const bytes = tensors.reduce((sum, id) => {
      const { fixed = 0, perSample = 0 } = plan.tensors[id]?.bytes ?? {};
      return sum + fixed + perSample * b;
    }, 0);
    const { flopsPerMs, bytesPerMs, launchMs } = this.#device;
    const op =
      instruction.kind === "forward" || instruction.kind === "backward" ? plan.chain.ops[instruction.op] : undefined;
    const flops = (op?.forward.flopsPerSample ?? 0) * b;
    return launchMs + flops / flopsPerMs + bytes / bytesPerMs;
  }
}

/** Configs of all kinds, for probes and for checks. */
export function someConfigs(effectiveBatch: number, count: number, seed: number): readonly RetrainConfig[] {
  const tenths = fc.integer({ min: 0, max: 10 }).map((value) => value / 10);
  const config = fc.record({
    exponent: fc.integer({ min: 0, max: Math.log2(effectiveBatch) }),
    featureExtraction: tenths,
    normalisation: tenths,
    segments: fc.integer({ min: 1, max: 8 }),
  });
  return fc.sample(config, { seed, numRuns: count }).map(({ exponent, featureExtraction, normalisation, segments }) => {
    const microBatch = 2 ** exponent;
    return {
      microBatch,
      accumulation: accumulationFor(effectiveBatch, microBatch),
      freezing: { featureExtraction, normalisation, linear: 0 },
      checkpoints: segments === 1 ? { kind: "none" } : { kind: "uniform", segments },
    };
  });
}

/** A profile as a probe of a few seconds would make it. */
export function simulatedProfile(
  chain: Chain,
  device: SimulatedDevice = SLOW_BOARD,
  effectiveBatch: number = 64,
): Profile {
  const prober = new SimulatedProber(chain, device);
  const empty = emptyProfile(chain, { effectiveBatch });
  const plain = { freezing: NOTHING_FROZEN, checkpoints: { kind: "none" } } as const;
  const configs: readonly RetrainConfig[] = [
    { microBatch: 2, accumulation: 4, ...plain },
    { microBatch: 16, accumulation: 1, ...plain },
    { microBatch: 16, accumulation: 4, ...plain, checkpoints: { kind: "uniform", segments: 3 } },
    { microBatch: 64, accumulation: 1, ...plain, freezing: { featureExtraction: 0.5, normalisation: 0.5, linear: 0 } },
    { microBatch: 64, accumulation: 1, ...plain, checkpoints: { kind: "uniform", segments: 4 } },
  ];
  return {
    ...empty,
    unitTimes: [4, 32].flatMap((microBatch) => prober.unitTimes(microBatch)),
    steps: configs.map((config) => prober.step(config, empty)),
  };
}
