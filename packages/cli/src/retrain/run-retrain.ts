import { copyFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { formatBytes, given, type MethodName, MpoError } from "@mpo/core";
import { EngineWorker, MODEL_CARD_FILE, type RetrainResult, retrain, writeLayersModel } from "@mpo/engine";
import { withDeadline } from "@mpo/io";
import type { Files, Output, Stop } from "../command-context.ts";
import { type DriftedSamplesOptions, driftedSamples } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadDataset } from "../data/load-dataset.ts";
import { loadModel, requireFitting } from "../data/load-model.ts";
import { type ConfigOptions, configFrom } from "../options/config-options.ts";
import { formatMs } from "../output/format.ts";
import { startProgress } from "../output/progress.ts";

/** The options of `mpo retrain`. */
export interface RetrainCommandOptions extends ConfigOptions, DatasetOptions, DriftedSamplesOptions {
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
export async function runRetrain(options: RetrainCommandOptions, context: Files & Output & Stop): Promise<void> {
  const { signal } = context;
  if (options.timeout === undefined) await retrainStored(options, context);
  else {
    const work = (limited: AbortSignal): Promise<void> => retrainStored(options, { ...context, signal: limited });
    await withDeadline("the retraining", options.timeout, work, { signal }).catch((thrown: unknown) => {
      if (!(thrown instanceof MpoError) || thrown.code !== "timed-out") throw thrown;
      throw new MpoError("over-budget", thrown.message, {
        hint: "Give it a longer --timeout, or less to do (--epochs, --samples).",
        cause: thrown,
      });
    });
  }
}

async function retrainStored(options: RetrainCommandOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const { method } = options;
  const config = configFrom(options);
  const weights = resolve(workingFolder, options.weights);
  const model = await loadModel(weights, signal);
  terminal.note(`reading ${options.dataset} ...`);
  const { test } = await loadDataset(options, context);
  requireFitting(model, test, weights);
  const { adapted, judged } = await driftedSamples(test, options, signal);

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
  try {
    const task = {
      model,
      samples: adapted,
      judgedOn: judged,
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
  } finally {
    progress.end();
  }
  const output = await writeAccepted(options, result, model.graph, context);
  print(options, result, output, context);
}

/** Writes the retrained model where it is wanted and not worse; returns the folder. */
export async function writeAccepted(
  options: Pick<RetrainCommandOptions, "output" | "weights">,
  { isAccepted, weights }: RetrainResult,
  graph: Parameters<typeof writeLayersModel>[0]["graph"],
  { workingFolder }: Files,
): Promise<string | undefined> {
  if (options.output === undefined || !isAccepted) return undefined;
  const folder = resolve(workingFolder, options.output);
  await writeLayersModel({ graph, weights }, folder);
  const card = join(resolve(workingFolder, options.weights), MODEL_CARD_FILE);
  // The source model's card goes along where there is one: it says where the model comes from.
  await copyFile(card, join(folder, MODEL_CARD_FILE)).catch(() => undefined);
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
  terminal.record({ method, corruption, severity, samples, ...facts, output: output ?? null });
  terminal.line(`${result.isAccepted ? "accepted" : "rejected"}: ${result.reason}`);
  terminal.line(
    `${result.steps} steps in ${formatMs(result.trainingMs)}, ${formatMs(result.overheadMs)} besides ` +
      `(${result.stopped}); peak above idle ${formatBytes(result.peakBytes)}, planned ${formatBytes(result.plannedBytes)}; ` +
      `idle ${formatBytes(result.idleBytes)}`,
  );
  if (output !== undefined) terminal.line(`the retrained model is in ${output}`);
  else if (options.output !== undefined) terminal.line("nothing was written: the old model stays");
}
