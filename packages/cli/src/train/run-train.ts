import { resolve } from "node:path";
import {
  accumulationFor,
  formatDuration,
  formatShare,
  given,
  MpoError,
  resolveRetrainConfig,
  SECOND_MS,
} from "@mpo/core";
import { CORRUPTION_NAMES, classCount, deriveSeed, type ImageSet, sliceImages } from "@mpo/datasets";
import {
  buildModel,
  EngineWorker,
  evaluateAccuracy,
  initialWeights,
  inputOf,
  type Model,
  type ModelCard,
  type ModelName,
  type ModelWeights,
  type NormName,
  type TrainingSetup,
  writeLayersModel,
  writeModelCard,
} from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { damageOptions } from "../data/damage-options.ts";
import { samplesOf } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadDataset } from "../data/load-dataset.ts";
import { measureCorruptions } from "../data/measure-corruptions.ts";
import { type InputOptions, withInputOptions } from "../options/input-options.ts";
import { type Progress, startProgress } from "../output/progress.ts";
import { checkModelOutput } from "../planning/check-model-output.ts";
import type { ForceOption } from "../planning/check-output.ts";
import {
  readCheckpoint,
  removeCheckpoint,
  requireNoCheckpoint,
  type TrainingIdentity,
  writeCheckpoint,
} from "./checkpoint.ts";
import { defaultPeakRate, pieceRun, TRAINING_OPTIMIZER, type TrainingPiece, trainingPieces } from "./schedule.ts";

/** The options of `mpo train`. */
export interface TrainOptions extends DatasetOptions, InputOptions, ForceOption {
  readonly output: string;
  readonly model: ModelName;
  readonly norm: NormName;
  readonly epochs: number;
  readonly batch: number;
  readonly microBatch?: number;
  readonly learningRate?: number;
  readonly seed: number;
  readonly limit?: number;
  readonly threads?: number;
  readonly resume: boolean;
  readonly corruptions: boolean;
}

const TRAIN_SAMPLES = "train";

/**
 * Trains a zoo model from scratch: SGD with Nesterov momentum 0.9, weight decay 5e-4, one-cycle learning rate, random
 * shifts and mirror images. After each epoch the test accuracy is printed and a checkpoint written. An interrupted
 * training finishes its step and leaves a checkpoint, from which `resume` continues (with empty momentum).
 */
export async function runTrain(options: TrainOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const output = resolve(context.workingFolder, options.output);
  const microBatch = options.microBatch ?? options.batch;
  const accumulation = accumulationFor(options.batch, microBatch);
  if (!options.resume) {
    await checkModelOutput(options.output, { ...context, ...options });
    await requireNoCheckpoint(output, signal);
  }
  terminal.note(`reading ${options.dataset} ...`);
  const train = await loadDataset(options, "train", context);
  const data: TrainTest = {
    train: sliceImages(train, 0, Math.min(options.limit ?? train.count, train.count)),
    test: await loadDataset(options, "test", context),
  };
  const { height, width, channels } = data.train;
  const zooGraph = buildModel({
    model: options.model,
    norm: options.norm,
    inputShape: [height, width, channels],
    classes: classCount(data.train),
  });
  const graph = withInputOptions(zooGraph, { inputRange: "unit", ...options });
  const input = inputOf(graph).form;
  const identity: TrainingIdentity = {
    model: options.model,
    norm: options.norm,
    dataset: options.dataset,
    batch: options.batch,
    epochs: options.epochs,
    seed: options.seed,
    peakRate: options.learningRate ?? defaultPeakRate(options.batch),
    trainImages: data.train.count,
    input: JSON.stringify(input),
  };
  const from = options.resume
    ? await readCheckpoint(output, identity, signal)
    : { model: { graph, weights: initialWeights(graph, options.seed) }, step: 0 };
  await using worker = await EngineWorker.start(
    { environment: context.environment, ...given({ threads: options.threads }) },
    { signal },
  );
  const training: TrainingSetup = {
    config: resolveRetrainConfig({ microBatch, accumulation }),
    loss: "crossEntropy",
    optimizer: TRAINING_OPTIMIZER,
  };
  await worker.load({ graph, weights: from.model.weights, training }, { signal });
  await worker.setSamples(TRAIN_SAMPLES, samplesOf(data.train), { signal });

  const weights = await trainEpochs({ worker, identity, output, data, from, context });
  const accuracy = await evaluateAccuracy(worker, samplesOf(data.test), { signal });
  const damage = await damageOptions(options.corruptions ? CORRUPTION_NAMES : [], {}, context);
  const corruptions = options.corruptions ? await measureCorruptions(worker, data.test, damage, context) : {};
  const card: ModelCard = {
    model: options.model,
    norm: options.norm,
    inputShape: [height, width, channels],
    classes: classCount(data.train),
    ...given({ input, classNames: data.train.classNames }),
    trainingCommand: context.commandLine,
    seed: options.seed,
    accuracy: { clean: accuracy, corruptions },
  };
  await writeLayersModel({ graph, weights }, output);
  await writeModelCard(output, card);
  await removeCheckpoint(output);
  terminal.record({ event: "trained", output, ...card });
  terminal.line(`test accuracy ${formatShare(accuracy)}; model and card are in ${output}`);
}

/** A training part and a test part of one data set. */
interface TrainTest {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

interface Epochs {
  readonly worker: EngineWorker;
  readonly identity: TrainingIdentity;
  readonly output: string;
  readonly data: TrainTest;
  readonly from: { readonly model: Model; readonly step: number };
  readonly context: CommandContext;
}

async function trainEpochs(epochs: Epochs): Promise<ModelWeights> {
  const { worker, identity, output, data, from, context } = epochs;
  const { terminal, signal } = context;
  const stepsPerEpoch = Math.ceil(data.train.count / identity.batch);
  const total = identity.epochs * stepsPerEpoch;
  const progress = startProgress(terminal, `training ${identity.model}`, total);
  let last = { weights: from.model.weights, step: from.step };
  const keep = async (weights: ModelWeights, step: number): Promise<void> => {
    last = { weights, step };
    await writeCheckpoint(output, identity, { model: { graph: from.model.graph, weights }, step });
  };
  try {
    let shown = "";
    for (const piece of trainingPieces(identity.epochs, stepsPerEpoch, from.step)) {
      const began = performance.now();
      const loss = await trainPiece(worker, piece, { identity, total, signal, progress, shown });
      const weights = await worker.call("readWeights", {}, { signal });
      await keep(weights, piece.firstStep + piece.steps);
      const accuracy = await evaluateAccuracy(worker, samplesOf(data.test), { signal });
      const seconds = (performance.now() - began) / SECOND_MS;
      shown = `, accuracy ${formatShare(accuracy)}`;
      const epoch = piece.epoch + 1;
      terminal.record({ event: "epoch", epoch, of: identity.epochs, loss, accuracy, seconds });
      progress.note(
        `epoch ${epoch}/${identity.epochs}: loss ${loss.toFixed(3)}${shown}, ${formatDuration(seconds)}, ` +
          `${formatDuration(seconds * (identity.epochs - epoch))} left`,
      );
    }
    return last.weights;
  } catch (thrown) {
    if (signal.aborted) await keepInterrupted(worker, last, thrown, keep, terminal.note);
    throw thrown;
  } finally {
    progress.end();
  }
}

interface PieceOptions {
  readonly identity: TrainingIdentity;
  readonly total: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** The last epoch's accuracy, for the bar. */
  readonly shown: string;
}

/** Trains one piece; the result is its mean loss. An interruption says how many of its steps were done. */
async function trainPiece(
  worker: EngineWorker,
  { firstStep, steps }: TrainingPiece,
  { identity, total, signal, progress, shown }: PieceOptions,
): Promise<number> {
  let lossSum = 0;
  let done = 0;
  const run = {
    ...pieceRun(
      { firstStep, steps },
      { peakRate: identity.peakRate, total },
      deriveSeed(identity.seed, "order", firstStep),
    ),
    augmentation: "shiftFlip",
  } as const;
  try {
    await worker.call(
      "train",
      { samples: TRAIN_SAMPLES, run },
      {
        signal,
        onProgress: ({ step, loss }) => {
          if (!Number.isFinite(loss)) return;
          lossSum += loss;
          done = step;
          progress.update(firstStep + step, `loss ${(lossSum / step).toFixed(3)}${shown}`);
        },
      },
    );
  } catch (thrown) {
    throw signal.aborted ? new InterruptedPiece(firstStep + done, thrown) : thrown;
  }
  if (done < steps) {
    throw new MpoError("invalid-data", `the training diverged: the loss of step ${firstStep + done + 1} is no number`, {
      hint: "Choose a lower --learning-rate.",
    });
  }
  return lossSum / steps;
}

/** Says how far an interrupted piece came. */
class InterruptedPiece extends MpoError {
  readonly step: number;

  constructor(step: number, cause: unknown) {
    super("cancelled", "the training was interrupted", { cause });
    this.step = step;
  }
}

/** Saves what an interrupted training has. A worker whose step took too long is gone: then the last epoch's end counts. */
async function keepInterrupted(
  worker: EngineWorker,
  last: { readonly weights: ModelWeights; readonly step: number },
  thrown: unknown,
  keep: (weights: ModelWeights, step: number) => Promise<void>,
  note: (text: string) => void,
): Promise<void> {
  const now =
    thrown instanceof InterruptedPiece
      ? await worker.call("readWeights", {}, { timeoutMs: 10 * SECOND_MS }).then(
          (weights) => ({ weights, step: thrown.step }),
          () => last,
        )
      : last;
  await keep(now.weights, now.step);
  note(`stopped after step ${now.step}; --resume continues from there`);
}
