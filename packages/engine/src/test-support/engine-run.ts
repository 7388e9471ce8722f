import "./quiet-tensorflow.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Chain, given, type MethodName, planStep, type RetrainConfig } from "@mpo/core";
import { createRandom, deriveSeed } from "@mpo/datasets";
import { chainOf } from "../compiler/chain-of.ts";
import { compileProgram } from "../compiler/compile-program.ts";
import { fedLearningRate, type Optimizer } from "../losses/optimizer.ts";
import { sampleShapes } from "../model/graph-shapes.ts";
import { elementsOf, type ModelGraph, type ModelWeights, type SampleShape } from "../model/model-graph.ts";
import { ProgramSession } from "../session/program-session.ts";
import { withStagedWeights } from "../session/stage-weights.ts";

/** Samples as tests make them. */
export interface TestSamples {
  readonly images: Float32Array;
  readonly labels: Int32Array;
  readonly count: number;
}

/** A training of a few steps in this process; each step sees all samples, split into micro-batches by the config. */
export interface EngineRun {
  readonly graph: ModelGraph;
  readonly weights: ModelWeights;
  readonly samples: TestSamples;
  /** `accumulation` is 1, and `microBatch` all samples of an accumulation's part, unless given. */
  readonly config?: Partial<RetrainConfig>;
  readonly loss?: MethodName;
  readonly optimizer?: Optimizer;
  readonly statisticsMomentum?: number;
  readonly blendsStatistics?: boolean;
  /** Default: all. */
  readonly statisticsShare?: number;
  readonly steps?: number;
  readonly learningRate?: number;
  readonly seed?: number;
}

export interface EngineResult {
  readonly weights: ModelWeights;
  /** Of each step. */
  readonly losses: readonly number[];
}

/** Trains and returns all variables afterwards. */
export async function runEngine(run: EngineRun): Promise<EngineResult> {
  return await withSession(run, async (session) => {
    const { samples, optimizer = { kind: "sgd" }, steps = 1, learningRate = 0.1, seed = 5, statisticsShare = 1 } = run;
    const { microBatch, accumulation } = configOf(run);
    const size = samples.images.length / samples.count;
    const losses: number[] = [];
    for (let step = 1; step <= steps; step++) {
      const rate = fedLearningRate(optimizer, learningRate, step);
      let loss = 0;
      for (let micro = 0; micro < accumulation; micro++) {
        const [from, to] = [micro * microBatch, (micro + 1) * microBatch];
        const batch = {
          images: samples.images.subarray(from * size, to * size),
          labels: samples.labels.subarray(from, to),
          count: microBatch,
        };
        const settings = {
          learningRate: rate,
          sampleWeight: 1 / (microBatch * accumulation),
          seed: seed + micro,
          statisticsShare,
        };
        loss += session.microStep(batch, settings).loss;
      }
      if (accumulation > 1) session.apply(rate);
      losses.push(loss);
    }
    return { weights: session.read(), losses };
  });
}

/**
 * Large, so that rounding of the weights does not show in the difference; a power of two, so that the division is exact.
 * It also gives away anything in the step that reads a weight after its update.
 */
const GRADIENT_RATE = 2 ** 20;

/** Gradients of all parameters, by name: what one step of plain SGD subtracts, over the learning rate. */
export async function engineGradients(run: EngineRun): Promise<EngineGradients> {
  const { weights, losses } = await runEngine({
    ...run,
    optimizer: { kind: "sgd" },
    learningRate: GRADIENT_RATE,
    steps: 1,
  });
  const gradients = new Map(
    chainOf(run.graph).parameters.map(({ name }) => {
      const after = weights.get(name) as Float32Array;
      return [
        name,
        (run.weights.get(name) as Float32Array).map((value, i) => (value - (after[i] ?? 0)) / GRADIENT_RATE),
      ];
    }),
  );
  return { gradients, loss: losses[0] as number, weights };
}

export interface EngineGradients {
  readonly gradients: ModelWeights;
  readonly loss: number;
  /** After the step; useful for what does not train by gradient. */
  readonly weights: ModelWeights;
}

/** Opens a session with the run's program and weights, and closes it whatever happens. */
export async function withSession<Result>(
  run: EngineRun,
  use: (session: ProgramSession, chain: Chain) => Promise<Result>,
): Promise<Result> {
  const { graph, loss = "crossEntropy", optimizer = { kind: "sgd" }, statisticsMomentum, blendsStatistics } = run;
  const chain = chainOf(graph);
  const plan = planStep(chain, configOf(run));
  const training = { plan, loss, optimizer, ...given({ statisticsMomentum, blendsStatistics }) };
  const folder = mkdtempSync(join(tmpdir(), "mpo-engine-"));
  try {
    const session = new ProgramSession(compileProgram({ graph, training }), folder);
    try {
      await withStagedWeights(graph, run.weights, folder, async (staged) => session.assignFrom(staged));
      session.initialiseTraining();
      return await use(session, chain);
    } finally {
      session.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function inputShapeOf(graph: ModelGraph): SampleShape {
  return sampleShapes(graph).get(graph.nodes[0]?.name ?? "") ?? [];
}

/** Seeded images and labels for a model of `classes` classes. */
export function testSamples(graph: ModelGraph, count: number, classes: number, seed = 1): TestSamples {
  const random = createRandom(deriveSeed(seed, "samples"));
  const images = Float32Array.from({ length: count * elementsOf(inputShapeOf(graph)) }, () => random.gaussian());
  return { images, labels: Int32Array.from({ length: count }, () => random.integer(classes)), count };
}

function configOf({ config = {}, samples }: EngineRun): Partial<RetrainConfig> & MicroBatches {
  const accumulation = config.accumulation ?? 1;
  return { ...config, accumulation, microBatch: config.microBatch ?? samples.count / accumulation };
}

type MicroBatches = Pick<RetrainConfig, "microBatch" | "accumulation">;
