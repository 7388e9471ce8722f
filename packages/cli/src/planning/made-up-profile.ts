import {
  type AccuracySample,
  type Chain,
  CostModel,
  PROFILE_VERSION,
  type Profile,
  planStep,
  residentGrowth,
  resolveRetrainConfig,
  type StepMemoryFacts,
  uniformFreezing,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { adaptationMethod, ENGINE_VERSION, stepMemoryFacts } from "@mpo/engine";

const BATCH = 256;
const MICRO_BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const REPEATS_OF_TIMES = 3;
/** A slow core: what times are made of where nothing is measured. */
const MS_PER_FLOP = 1 / 2e7;
const MIB = 2 ** 20;

/** A profile as a probe of a slow core would bring it. */
export function madeUpProfile(chain: Chain, name: string, digest: string, seed: number): Profile {
  const random = createRandom(seed);
  const method = adaptationMethod("crossEntropy");
  const facts = stepMemoryFacts(chain, method);
  const unitTimes = chain.units.flatMap((unit, index) => {
    const flops = chain.ops
      .slice(unit.firstOp, unit.lastOp + 1)
      .reduce((sum, { forward }) => sum + forward.flopsPerSample, 0);
    return MICRO_BATCHES.map((microBatch) => {
      const forward = 0.1 + flops * MS_PER_FLOP * microBatch;
      return {
        unit: index,
        microBatch,
        forwardMs: noisy(random, forward),
        backwardMs: noisy(random, 2 * forward),
        normOnlyBackwardMs: noisy(random, forward),
      };
    });
  });
  const profile: Profile = {
    version: PROFILE_VERSION,
    model: {
      name,
      digest,
      unitCount: chain.units.length,
      parameterCount: chain.parameters.length,
      hasBatchStatistics: true,
    },
    device: { id: "made-up", class: "made-up" },
    software: { engine: ENGINE_VERSION, library: "none" },
    method: { loss: method.loss, optimizer: method.optimizer.kind },
    memoryFacts: facts,
    effectiveBatch: BATCH,
    idleBytes: 400 * MIB,
    unitTimes,
    steps: [],
    updates: [],
    accuracy: madeUpCurves(random),
    spent: { ms: 0, peakBytes: 0, configs: 0 },
    measuredAtMs: 0,
  };
  const model = new CostModel(chain, profile);
  const steps = [256, 128, 64, 32, 16, 4].map((microBatch, index) => {
    const config = resolveRetrainConfig({ microBatch, freezing: uniformFreezing(index / 10) });
    return madeUpStep(chain, facts, config, model, random);
  });
  return { ...profile, steps };
}

function madeUpStep(
  chain: Chain,
  facts: StepMemoryFacts,
  config: Profile["steps"][number]["config"],
  model: CostModel,
  random: Random,
): Profile["steps"][number] {
  const plannedPeakBytes = residentGrowth(planStep(chain, config), facts);
  const [measuredPeakBytes = plannedPeakBytes] = noisy(random, plannedPeakBytes);
  return {
    config,
    plannedPeakBytes,
    measuredPeakBytes,
    msPerStep: noisy(random, model.predict(config).stepMs.expected),
  };
}

function madeUpCurves(random: Random): readonly AccuracySample[] {
  return [0, 0.5, 0.9].flatMap((rate) =>
    [16, 64].map((microBatch) => ({
      freezing: { ...uniformFreezing(rate), linear: 0 },
      microBatch,
      judge: "label-free" as const,
      startAccuracy: 0.5,
      points: [2, 4, 8].map((steps) => ({
        steps,
        accuracy: 0.5 + 0.2 * (1 - rate) * (steps / 8) + 0.02 * random.uniform(),
      })),
      judgedSamples: 512,
    })),
  );
}

/** Repeats of one measurement, a few percent apart. */
function noisy(random: Random, value: number): readonly number[] {
  return Array.from({ length: REPEATS_OF_TIMES }, () => value * (1 + 0.02 * (random.uniform() - 0.5)));
}
