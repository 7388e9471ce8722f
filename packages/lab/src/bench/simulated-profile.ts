import {
  accumulationFor,
  type Chain,
  MIB,
  PROFILE_VERSION,
  type Profile,
  planStep,
  powersOfTwo,
  residentGrowth,
  resolveRetrainConfig,
  uniformFreezing,
} from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { PRETEND_GRAPH } from "../pretend-device.ts";

const REPEATS = 3;
/** Of a slow core. */
const MS_PER_FLOP = 1 / 2e7;
/** Micro-batches that were run, each as a share of the batch, and how much was frozen then. */
const STEPS: readonly (readonly [part: number, frozen: number])[] = [
  [1, 0],
  [1 / 2, 0.1],
  [1 / 4, 0.2],
  [1 / 8, 0.3],
];
const CURVE_RATES = [0, 0.5, 0.9];

/** What all simulated devices of a model have in common. */
export type SimulatedModel = Pick<Profile, "model" | "method" | "memoryFacts" | "effectiveBatch">;

/** One of them. */
export interface SimulatedDevice {
  readonly device: Profile["device"];
  /** Of a slow core. Default 1. */
  readonly speed?: number;
  readonly seed: number;
}

/** Profiles as probes of many devices of one model would bring them; seeded, repeats a few percent apart. */
export function simulatedProfiles(
  chain: Chain,
  { model, method, memoryFacts, effectiveBatch }: SimulatedModel,
): (of: SimulatedDevice) => Profile {
  const flops = chain.units.map(({ firstOp, lastOp }) =>
    chain.ops.slice(firstOp, lastOp + 1).reduce((sum, { forward }) => sum + forward.flopsPerSample, 0),
  );
  const steps = STEPS.map(([part, frozen]) => {
    const microBatch = Math.max(1, Math.round(effectiveBatch * part));
    const freezing = uniformFreezing(frozen);
    const config = resolveRetrainConfig({
      microBatch,
      accumulation: accumulationFor(effectiveBatch, microBatch),
      freezing,
    });
    return { config, frozen, plannedBytes: residentGrowth(planStep(chain, config), memoryFacts) };
  });
  return ({ device, speed = 1, seed }) => {
    const random = createRandom(seed);
    const noisy = (value: number): readonly number[] =>
      Array.from({ length: REPEATS }, () => value * (1 + 0.02 * (random.uniform() - 0.5)));
    const forwardMs = (unit: number, microBatch: number): number =>
      (0.1 + (flops[unit] as number) * MS_PER_FLOP * microBatch) / speed;
    const stepMs = (microBatch: number, frozen: number): number =>
      flops.reduce((sum, _, unit) => sum + forwardMs(unit, microBatch) * (1 + 2 * (1 - frozen)), 0);
    return {
      version: PROFILE_VERSION,
      ...{ model, device, software: { engine: "simulated", library: "none" } },
      ...{ method, memoryFacts, effectiveBatch, idleBytes: 300 * MIB },
      unitTimes: powersOfTwo(effectiveBatch).flatMap((microBatch) =>
        flops.map((_, unit) => {
          const ms = forwardMs(unit, microBatch);
          return {
            ...{ unit, microBatch, forwardMs: noisy(ms), backwardMs: noisy(2 * ms) },
            normOnlyBackwardMs: noisy(ms),
          };
        }),
      ),
      steps: steps.map(({ config, frozen, plannedBytes }) => ({
        ...{ config, plannedBytes, peakBytes: noisy(1.05 * plannedBytes)[0] as number },
        stepMs: noisy(config.accumulation * stepMs(config.microBatch, frozen)),
      })),
      updates: [],
      accuracy: CURVE_RATES.flatMap((rate) =>
        [effectiveBatch / 4, effectiveBatch / 16].map((microBatch) => ({
          ...{ freezing: { ...uniformFreezing(rate), linear: 0 }, microBatch, judge: "label-free" as const },
          ...{ startAccuracy: 0.5, judgedSamples: 512 },
          points: [5, 10, 20].map((count) => ({
            steps: count,
            accuracy: 0.5 + 0.3 * (1 - rate) * (1 - Math.exp(-count / 10)) + 0.01 * random.uniform(),
          })),
        })),
      ),
      spent: { ms: 1000, peakBytes: 309 * MIB, configs: steps.length },
      measuredAtMs: 0,
    };
  };
}

/** The same of the model that devices serve whose whole machine is made up. */
export function pretendProfiles(chain: Chain): ReturnType<typeof simulatedProfiles> {
  return simulatedProfiles(chain, {
    model: {
      ...{ name: chain.model, graphDigest: PRETEND_GRAPH, hasBatchStatistics: false },
      ...{ unitCount: chain.units.length, parameterCount: 10_000 },
    },
    method: { loss: "crossEntropy", optimizer: "sgd" },
    memoryFacts: { slotsPerParameter: 0, lossWorkBytesPerSample: 40 },
    effectiveBatch: 32,
  });
}
