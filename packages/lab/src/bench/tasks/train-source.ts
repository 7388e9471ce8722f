import { type CommandContext, defaultPeakRate, oneCycleRate, samplesOf, trainingPieces } from "@mpo/cli";
import { given, resolveRetrainConfig } from "@mpo/core";
import { classCount, deriveSeed, type ImageSet } from "@mpo/datasets";
import {
  buildModel,
  EngineWorker,
  initialWeights,
  type Model,
  type ModelName,
  type NormName,
  withInputForm,
} from "@mpo/engine";

/** What workers are started with. */
export interface WorkerOptions extends Pick<CommandContext, "environment" | "signal"> {
  readonly threads?: number;
}

export interface SourceTraining {
  readonly model: ModelName;
  readonly norm: NormName;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
}

const SAMPLES = "source";
/** As `mpo train` trains, but without mirror images: digits and letters have a side. */
const OPTIMIZER = { kind: "momentum", momentum: 0.9, nesterov: true, weightDecay: 5e-4 } as const;
/** Step seeds are 32-bit numbers in the graph. */
const SEED_RANGE = 2 ** 30;

/** Trains a model of the zoo on the images of a domain, from random weights. */
export async function trainSource(
  source: ImageSet,
  { model, norm, epochs, batch, seed }: SourceTraining,
  { environment, threads, signal }: WorkerOptions,
  onEpoch: (epoch: number) => void,
): Promise<Model> {
  const { height, width, channels } = source;
  const built = buildModel({ model, norm, inputShape: [height, width, channels], classes: classCount(source) });
  const graph = withInputForm(built, { range: "unit" });
  const config = resolveRetrainConfig({ microBatch: batch });
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const training = { config, loss: "crossEntropy", optimizer: OPTIMIZER } as const;
  await worker.load({ graph, weights: initialWeights(graph, seed), training }, { signal });
  await worker.call("samples", { name: SAMPLES, samples: samplesOf(source) }, { signal });
  const stepsPerEpoch = Math.ceil(source.count / batch);
  const total = epochs * stepsPerEpoch;
  const peak = defaultPeakRate(batch);
  for (const { epoch, firstStep, steps } of trainingPieces(epochs, stepsPerEpoch, 0)) {
    const rateAt = (step: number): number => oneCycleRate(peak, step / total);
    const run = {
      steps,
      learningRate: { kind: "linear", from: rateAt(firstStep), to: rateAt(firstStep + steps) },
      seed: deriveSeed(seed, "source", firstStep) % SEED_RANGE,
      shuffle: true,
    } as const;
    await worker.call("train", { samples: SAMPLES, run }, { signal });
    onEpoch(epoch + 1);
  }
  return { graph, weights: await worker.call("readWeights", {}, { signal }) };
}
