import { PROFILE_VERSION, type Profile, plannerOf, planStep, residentGrowth, resolveRetrainConfig } from "@mpo/core";
import {
  buildModel,
  chainOf,
  ENGINE_VERSION,
  graphDigest,
  initialWeights,
  type Model,
  type ModelGraph,
  methodNamed,
  stepMemoryFacts,
} from "@mpo/engine";

/** A real model for images so small that everything about it is quick. */
export function tinyModel(classes: number): Model {
  const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [12, 12, 1], classes });
  return { graph, weights: initialWeights(graph, 1) };
}
export const TINY_MODEL: Model = tinyModel(4);

const BATCH = 32;

/** What a device might measure of a tiny model; the numbers are made up, and the same each time. */
export function tinyProfile(
  name: string,
  device: { readonly id: string; readonly class: string },
  graph: ModelGraph = TINY_MODEL.graph,
): Profile {
  const chain = chainOf(graph);
  const method = methodNamed("shot");
  const memoryFacts = stepMemoryFacts(chain, method);
  const base: Profile = {
    version: PROFILE_VERSION,
    model: {
      name,
      graphDigest: graphDigest(graph),
      unitCount: chain.units.length,
      parameterCount: chain.parameters.length,
      hasBatchStatistics: true,
    },
    device,
    software: { engine: ENGINE_VERSION, library: "2.15.1" },
    method: { loss: method.loss, optimizer: method.optimizer.kind },
    memoryFacts,
    effectiveBatch: BATCH,
    idleBytes: 100 * 2 ** 20,
    unitTimes: chain.units.flatMap((_, unit) =>
      [2, BATCH].map((microBatch) => ({
        unit,
        microBatch,
        forwardMs: [0.1 + 0.02 * microBatch],
        backwardMs: [0.2 + 0.04 * microBatch],
      })),
    ),
    steps: [],
    updates: [],
    accuracy: [0, 0.8].map((rate) => ({
      freezing: { featureExtraction: rate, normalisation: rate, linear: 1 },
      microBatch: 8,
      judge: "label-free",
      startAccuracy: 0.5,
      points: [4, 8, 16].map((steps) => ({ steps, accuracy: 0.5 + (0.02 - 0.01 * rate) * steps })),
      judgedSamples: 512,
    })),
    spent: { ms: 1_000, peakBytes: 120 * 2 ** 20, configs: 2 },
    measuredAtMs: Date.now(),
  };
  const costs = plannerOf(base, chain).costs;
  const steps = [4, BATCH].map((microBatch) => {
    const config = resolveRetrainConfig({ microBatch, accumulation: BATCH / microBatch });
    const plannedBytes = residentGrowth(planStep(chain, config), memoryFacts);
    const ms = costs.predict(config).stepMs.expected;
    return { config, plannedBytes, peakBytes: 1.05 * plannedBytes, stepMs: [ms, 1.02 * ms] };
  });
  return { ...base, steps };
}

/** The same, where Tent has raced beside the profile's own method: it learns faster, and more. */
export function racedProfile(profile: Profile, graph: ModelGraph = TINY_MODEL.graph): Profile {
  const { loss, optimizer } = methodNamed("tent");
  const memoryFacts = stepMemoryFacts(chainOf(graph), { loss, optimizer });
  const accuracy = profile.accuracy.map((curve) => ({
    ...curve,
    freezing: { featureExtraction: 1, normalisation: 0, linear: 1 },
    points: curve.points.map(({ steps }) => ({ steps, accuracy: 0.9 })),
  }));
  return { ...profile, others: [{ method: { loss, optimizer: optimizer.kind }, memoryFacts, accuracy }] };
}
