import {
  type AccuracySample,
  type Chain,
  CostModel,
  PROFILE_VERSION,
  type Profile,
  planStep,
  quantile,
  residentGrowth,
  resolveRetrainConfig,
  type StepMemoryFacts,
  search,
  uniformFreezing,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { adaptationMethod, buildModel, chainOf, ENGINE_VERSION, graphDigest, stepMemoryFacts } from "@mpo/engine";
import { createTable } from "../output/table.ts";
import { candidatesOf, plannerOf } from "../planning/planner.ts";
import type { CommandContext } from "../run-cli.ts";
import { median } from "./median.ts";

/** The options of `mpo bench search`. */
export interface BenchSearchOptions {
  readonly repeats: number;
  readonly seed: number;
}

const SUBJECTS = ["resnet20", "resnet101"] as const;
const BATCH = 256;
const MICRO_BATCHES = [1, 4, 16, 64];
const REPEATS_OF_TIMES = 3;
/** A slow core: what times are made of where nothing is measured. */
const MS_PER_FLOP = 1 / 2e7;
const P95 = 0.95;
/** Of what the plain step needs. */
const BUDGET_SHARE = 0.3;
const MIB = 2 ** 20;
const WINDOW_MS = 600_000;

/**
 * Times the whole search of one device, from its profile to the ladder, and a re-plan when the memory changes: all in
 * this thread. The profiles are made up, seeded, on the chains of real models: what a search costs depends on the chain.
 */
export async function benchSearch(options: BenchSearchOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const head = ["model", "units", "candidates", "search ms", "95th percentile", "first ms", "re-plan ms", "95th"];
  const table = createTable(terminal, head);
  for (const model of SUBJECTS) {
    const graph = buildModel({ model, norm: "batch", inputShape: [32, 32, 3], classes: 10 });
    const chain = chainOf(graph);
    const profile = madeUpProfile(chain, model, graphDigest(graph), options.seed);
    const most = residentGrowth(planStep(chain, { microBatch: BATCH }), profile.memoryFacts);
    const searches: number[] = [];
    const replans: number[] = [];
    let candidates = 0;
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      signal.throwIfAborted();
      const random = createRandom(options.seed + repeat);
      const began = performance.now();
      const candidateTable = candidatesOf(plannerOf({ profile, chain }));
      search(candidateTable, { memoryBytes: BUDGET_SHARE * most, windowMs: WINDOW_MS });
      searches.push(performance.now() - began);
      candidates = candidateTable.count;
      const budget = { memoryBytes: Math.max(24 * MIB, random.uniform() * most), windowMs: WINDOW_MS };
      const replanFrom = performance.now();
      search(candidateTable, budget);
      replans.push(performance.now() - replanFrom);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The first one meets cold code; a coordinator's later ones do not.
    const [firstMs = 0, ...warm] = searches;
    const shown = warm.length > 0 ? warm : searches;
    const row = {
      event: "search",
      model,
      units: chain.units.length,
      candidates,
      firstMs,
      searchMs: median(shown),
      searchP95Ms: quantile(shown, P95),
      replanMs: median(replans),
      replanP95Ms: quantile(replans, P95),
      repeats: options.repeats,
      seed: options.seed,
    };
    terminal.record(row);
    const times = [row.searchMs, row.searchP95Ms, row.firstMs, row.replanMs, row.replanP95Ms].map((ms) =>
      ms.toFixed(1),
    );
    table.push([model, String(row.units), String(candidates), ...times]);
  }
  terminal.line(table.toString());
}

/** A profile as a probe of a slow core would bring it. */
function madeUpProfile(chain: Chain, name: string, digest: string, seed: number): Profile {
  const random = createRandom(seed);
  const method = adaptationMethod("crossEntropy");
  const facts = stepMemoryFacts(chain, method);
  const unitTimes = chain.units.flatMap((unit, index) => {
    const flops = chain.ops
      .slice(unit.firstOp, unit.lastOp + 1)
      .reduce((sum, { forward }) => sum + forward.flopsPerSample, 0);
    return MICRO_BATCHES.map((microBatch) => {
      const forward = 0.1 + flops * MS_PER_FLOP * microBatch;
      return { unit: index, microBatch, forwardMs: noisy(random, forward), backwardMs: noisy(random, 2 * forward) };
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
