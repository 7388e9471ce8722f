import {
  type CommandContext,
  defaultPeakRate,
  pieceRun,
  samplesOf,
  TRAINING_OPTIMIZER,
  trainingPieces,
} from "@mpo/cli";
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

/**
 * Trains a model of the zoo on the images of a domain, from random weights: as `mpo train` does, but without mirror images,
 * as digits and letters have a side.
 */
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
  const training = { config, loss: "crossEntropy", optimizer: TRAINING_OPTIMIZER } as const;
  await worker.load({ graph, weights: initialWeights(graph, seed), training }, { signal });
  await worker.setSamples(SAMPLES, samplesOf(source), { signal });
  const stepsPerEpoch = Math.ceil(source.count / batch);
  const total = epochs * stepsPerEpoch;
  const cycle = { peakRate: defaultPeakRate(batch), total };
  for (const piece of trainingPieces(epochs, stepsPerEpoch, 0)) {
    const run = pieceRun(piece, cycle, deriveSeed(seed, "source", piece.firstStep));
    await worker.call("train", { samples: SAMPLES, run }, { signal });
    onEpoch(piece.epoch + 1);
  }
  return { graph, weights: await worker.call("readWeights", {}, { signal }) };
}
