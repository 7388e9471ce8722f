import { resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { sliceImages } from "@mpo/datasets";
import { EngineWorker, evaluateAccuracy, type ModelCard, readModelCard } from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { samplesOf } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadDataset } from "../data/load-dataset.ts";
import { loadModel, requireFitting } from "../data/load-model.ts";
import { formatShare } from "../output/format.ts";
import { createTable } from "../output/table.ts";
import { measureCorruptions } from "./measure-corruptions.ts";

/** The options of `mpo evaluate`. */
export interface EvaluateOptions extends DatasetOptions {
  readonly weights: string;
  readonly limit?: number;
  readonly corruptions: boolean;
  readonly threads?: number;
}

/**
 * Measures a stored model on test images, clean and (when asked) under each of the 15 corruptions at severity 5, beside
 * what its card says. Throws `invalid-argument` when the images have no labels or do not fit the model.
 */
export async function runEvaluate(options: EvaluateOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder, environment } = context;
  const path = resolve(workingFolder, options.weights);
  const model = await loadModel(path, signal);
  const { test: all } = await loadDataset(options, context);
  requireFitting(model, all, path);
  const test = options.limit === undefined ? all : sliceImages(all, 0, Math.min(options.limit, all.count));
  const card = await readCard(path, signal);
  const threads = options.threads === undefined ? {} : { threads: options.threads };
  await using worker = await EngineWorker.start({ environment, ...threads }, { signal });
  await worker.load(model, { signal });
  const clean = await evaluateAccuracy(worker, samplesOf(test), { signal });
  const corruptions = options.corruptions ? await measureCorruptions(worker, test, context) : {};
  const table = createTable(terminal, ["images", "accuracy", "its card says"]);
  for (const [name, accuracy] of Object.entries({ clean, ...corruptions })) {
    const said = name === "clean" ? card?.accuracy.clean : card?.accuracy.corruptions[name];
    terminal.record({ images: name, samples: test.count, accuracy, cardAccuracy: said ?? null });
    table.push([name, formatShare(accuracy), said === undefined ? "-" : formatShare(said)]);
  }
  terminal.line(table.toString());
}

/** The card beside the model, where there is one. */
async function readCard(path: string, signal: AbortSignal): Promise<ModelCard | undefined> {
  return await readModelCard(path, { signal }).catch((thrown: unknown) => {
    if (thrown instanceof MpoError && thrown.code === "not-found") return undefined;
    throw thrown;
  });
}
