import { basename, resolve } from "node:path";
import { type AccuracyJudge, formatBytes, formatMs, given, hasCode, type MethodName } from "@mpo/core";
import {
  cardOf,
  chainOf,
  EngineWorker,
  evaluateAccuracy,
  type Model,
  type RetrainResult,
  retrain,
  retrainedCard,
  STOP_WORDS,
  writeModel,
  writeModelCard,
} from "@mpo/engine";
import { withDeadline } from "@mpo/io";
import type { CommandContext, Output } from "../command-context.ts";
import { damageOptions, type FrostOptions } from "../data/damage-options.ts";
import { type DriftedSamplesOptions, driftedSamples } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadTestImages } from "../data/load-dataset.ts";
import { classNamesOf, loadModel, sayAssumed } from "../data/load-model.ts";
import { withNormsOf } from "../data/norms-of.ts";
import { type ConfigOptions, configFrom, requireSegments } from "../options/config-options.ts";
import type { InputOptions } from "../options/input-options.ts";
import { startProgress } from "../output/progress.ts";
import { checkModelOutput } from "../planning/check-model-output.ts";
import type { ForceOption } from "../planning/check-output.ts";

export interface RetrainCommandOptions
  extends ConfigOptions,
    DatasetOptions,
    InputOptions,
    DriftedSamplesOptions,
    ForceOption,
    FrostOptions {
  readonly weights: string;
  readonly method: MethodName;
  readonly epochs: number;
  readonly learningRate?: number;
  readonly memoryCap?: number;
  readonly timeout?: number;
  readonly threads?: number;
  readonly output?: string;
}

/** Retrains a stored model, prints what it cost and gained, and writes the result where it is wanted and not worse. */
export async function runRetrain(options: RetrainCommandOptions, context: CommandContext): Promise<void> {
  const { signal } = context;
  if (options.timeout === undefined) await retrainStored(options, context);
  else {
    const work = (limited: AbortSignal): Promise<void> => retrainStored(options, { ...context, signal: limited });
    await withDeadline("the retraining", options.timeout, work, { signal }).catch((thrown: unknown) => {
      if (!hasCode(thrown, "timed-out")) throw thrown;
      const hint = "Give it a longer --timeout, or less to do (--epochs, --samples).";
      throw thrown.with({ code: "over-budget", hint });
    });
  }
}

async function retrainStored(options: RetrainCommandOptions, context: CommandContext): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const { method } = options;
  const config = configFrom(options);
  if (options.output !== undefined) await checkModelOutput(options.output, { workingFolder, ...options });
  const weights = resolve(workingFolder, options.weights);
  const loaded = await loadModel(weights, signal, options);
  sayAssumed(loaded, context);
  requireSegments(options, chainOf(loaded.graph).units.length);
  terminal.note(`reading ${options.dataset} ...`);
  const test = await loadTestImages(options, loaded, weights, context);
  const damage = await damageOptions([options.corruption], options, context);
  const { adapted, adaptedClean, judged, judgedClean } = await driftedSamples(test, options, damage);
  const model = await withNormsOf(loaded, method, adaptedClean, context);

  await using worker = await EngineWorker.start(
    {
      environment: context.environment,
      ...given({ memoryCapBytes: options.memoryCap, threads: options.threads }),
    },
    { signal },
  );
  const { epochs, seed, learningRate } = options;
  const progress = startProgress(terminal, "retraining", epochs * Math.ceil(options.samples / options.batch));
  let result: RetrainResult;
  let clean: number | undefined;
  try {
    const task = {
      model,
      samples: adapted,
      judgedOn: judged,
      reference: adaptedClean,
      method,
      config,
      epochs,
      seed,
      ...given({ learningRate }),
    };
    result = await retrain(worker, task, {
      signal,
      onProgress: ({ step, loss }) => progress.update(step, `loss ${loss.toFixed(3)}`),
    });
    if (options.output !== undefined && result.isAccepted && judgedClean.labels !== undefined) {
      await worker.assignWeights(result.weights, { signal });
      clean = await evaluateAccuracy(worker, judgedClean, { batch: Math.min(config.microBatch, 128), signal });
    }
  } finally {
    progress.end();
  }
  const output = await writeAccepted(options, { ...result, clean }, model, context);
  print(options, result, output, context);
}

/** What became of a retraining, and what the model can do afterwards. */
interface Retrained extends Omit<RetrainResult, "judgingMs"> {
  readonly judgement?: AccuracyJudge | undefined;
  /** Accuracy on clean images, where it was measured. */
  readonly clean?: number | undefined;
}

/** Writes the retrained model, with a card of its own, where it is wanted and not worse; returns the folder. */
export async function writeAccepted(
  options: Omit<RetrainCommandOptions, keyof ConfigOptions | "timeout">,
  result: Retrained,
  model: Model,
  { terminal, workingFolder, commandLine }: CommandContext,
): Promise<string | undefined> {
  const { weights, isAccepted, accuracyAfter, clean } = result;
  const { method, corruption, severity, seed } = options;
  if (options.output === undefined || !isAccepted) return undefined;
  const folder = resolve(workingFolder, options.output);
  const from = resolve(workingFolder, options.weights);
  const source = await cardOf(from);
  const judgement = result.judgement ?? (accuracyAfter === undefined ? undefined : "labels");
  const isMeasured = judgement === "labels" && accuracyAfter !== undefined && corruption !== "clean";
  const card = retrainedCard(source, model.graph, {
    ...{ ...result, from, method, judgement, seed, command: commandLine },
    images: corruption === "clean" ? corruption : `${corruption}:${severity}`,
    accuracy: { ...given({ clean }), corruptions: isMeasured ? { [corruption]: accuracyAfter } : {} },
    classNames: await classNamesOf(model, from),
  });
  const file = await writeModel({ ...model, weights }, folder);
  if (model.onnx !== undefined)
    terminal.note(`${basename(file)} has the graph of the file that was read, and new weights`);
  await writeModelCard(folder, card);
  return folder;
}

function print(
  options: RetrainCommandOptions,
  result: RetrainResult,
  output: string | undefined,
  { terminal }: Output,
): void {
  const { weights: _, ...facts } = result;
  const { method, corruption, severity, samples } = options;
  terminal.record({ event: "retrained", method, corruption, severity, samples, ...facts, output: output ?? null });
  terminal.line(`${result.isAccepted ? "accepted" : "rejected"}: ${result.reason}`);
  terminal.line(
    `${result.steps} steps in ${formatMs(result.trainingMs)}, ${STOP_WORDS[result.stopped]}; ` +
      `${formatMs(result.overheadMs)} besides; peak above idle ${formatBytes(result.peakBytes)}, planned ${formatBytes(result.plannedBytes)}; ` +
      `idle ${formatBytes(result.idleBytes)}`,
  );
  if (output !== undefined) terminal.line(`the retrained model is in ${output}`);
  else if (options.output !== undefined) terminal.line("nothing was written: the old model stays");
}
