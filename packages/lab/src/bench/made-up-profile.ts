import {
  type AccuracySample,
  type Chain,
  CostModel,
  msAt,
  PROFILE_VERSION,
  type Profile,
  resolveRetrainConfig,
  type StepSample,
  type UnitTimeSample,
  uniformFreezing,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { adaptationMethod, ENGINE_VERSION, stepMemoryFacts } from "@mpo/engine";

const BATCH = 256;
const MICRO_BATCHES = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const REPEATS_OF_TIMES = 3;
const MIB = 2 ** 20;

/** A profile as a probe of a slow core would bring it: measurements a few percent beside what is predicted unmeasured. */
export function madeUpProfile(chain: Chain, name: string, digest: string, seed: number): Profile {
  const random = createRandom(seed);
  const method = adaptationMethod("crossEntropy");
  const facts = { memoryFacts: stepMemoryFacts(chain, method), effectiveBatch: BATCH };
  const model = CostModel.unmeasured(chain, facts);
  return {
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
    ...facts,
    idleBytes: 400 * MIB,
    unitTimes: madeUpTimes(model, random),
    steps: [256, 128, 64, 32, 16, 4].map((microBatch, index) => madeUpStep(model, microBatch, index / 10, random)),
    updates: [],
    accuracy: madeUpCurves(random),
    spent: { ms: 0, peakBytes: 0, configs: 0 },
    measuredAtMs: 0,
  };
}

function madeUpTimes({ costs, prices }: CostModel, random: Random): readonly UnitTimeSample[] {
  return costs.unfrozen().flatMap((work, unit) => {
    const { forward, backward } = prices.unitMs(work, unit);
    return MICRO_BATCHES.map((microBatch) => ({
      unit,
      microBatch,
      forwardMs: noisy(random, msAt(forward, microBatch)),
      backwardMs: noisy(random, msAt(backward, microBatch)),
      normOnlyBackwardMs: noisy(random, msAt(forward, microBatch)),
    }));
  });
}

function madeUpStep(model: CostModel, microBatch: number, frozen: number, random: Random): StepSample {
  const config = resolveRetrainConfig({ microBatch, freezing: uniformFreezing(frozen) });
  const { growthBytes } = model.costs.planned(config, model.profile.memoryFacts);
  const [measuredPeakBytes = growthBytes] = noisy(random, growthBytes);
  const msPerStep = noisy(random, model.predict(config).stepMs.expected);
  return { config, plannedPeakBytes: growthBytes, measuredPeakBytes, msPerStep };
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
