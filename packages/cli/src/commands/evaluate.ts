import { resolve } from "node:path";
import { formatShare, given } from "@mpo/core";
import { CORRUPTION_NAMES, sliceImages } from "@mpo/datasets";
import { cardOf, EngineWorker, evaluateAccuracy } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { damageOptions, type FrostOptions } from "../data/damage-options.ts";
import { samplesOf } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadTestImages } from "../data/load-dataset.ts";
import { loadModel, sayAssumed } from "../data/load-model.ts";
import { measureCorruptions } from "../data/measure-corruptions.ts";
import { addDatasetOptions, frostOption } from "../options/dataset-options.ts";
import { addInputOptions, type InputOptions } from "../options/input-options.ts";
import { threadsOption, wholeNumber } from "../options/parsers.ts";
import { weightsOption } from "../options/subject-options.ts";
import { createTable } from "../output/table.ts";

interface EvaluateOptions extends DatasetOptions, InputOptions, FrostOptions {
  readonly weights: string;
  readonly limit?: number;
  readonly corruptions: boolean;
  readonly threads?: number;
}

export function define(command: Command, context: CommandContext): void {
  addInputOptions(addDatasetOptions(command.addOption(weightsOption())))
    .option("--limit <n>", "use only the first N test images (default: all)", wholeNumber(1))
    .option("--corruptions", "measure it under each of the 15 corruptions at severity 5 too", false)
    .addOption(frostOption())
    .addOption(threadsOption())
    .action((options: EvaluateOptions) => evaluate(options, context));
}

/**
 * Measures a stored model on test images, clean and (when asked) under each of the 15 corruptions at severity 5, beside
 * what its card says. Throws `invalid-argument` when the images have no labels or do not fit the model.
 */
async function evaluate(options: EvaluateOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal, signal, workingFolder, environment } = context;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(options.corruptions ? CORRUPTION_NAMES : [], options, context);
  const model = await loadModel(path, signal, options);
  sayAssumed(model, context);
  const all = await loadTestImages(options, model, path, context);
  const test = options.limit === undefined ? all : sliceImages(all, 0, Math.min(options.limit, all.count));
  const card = await cardOf(path, { signal });
  await using worker = await EngineWorker.start({ environment, ...given({ threads: options.threads }) }, { signal });
  await worker.load(model, { signal });
  const clean = await evaluateAccuracy(worker, samplesOf(test), { signal });
  const corruptions = options.corruptions ? await measureCorruptions(worker, test, damage, context) : {};
  const table = createTable(terminal, ["images", "accuracy", "its card says"]);
  for (const [name, accuracy] of Object.entries({ clean, ...corruptions })) {
    const said = name === "clean" ? card?.accuracy.clean : card?.accuracy.corruptions[name];
    terminal.record({ images: name, samples: test.count, accuracy, cardAccuracy: said ?? null });
    table.push([name, formatShare(accuracy), said === undefined ? "-" : formatShare(said)]);
  }
  terminal.line(table.toString());
  if (card?.retrained === undefined) return;
  const { from, method, images, steps, judgement, accuracyBefore: before, accuracyAfter: after } = card.retrained;
  const gained = before === undefined || after === undefined ? "" : `: ${formatShare(before)} -> ${formatShare(after)}`;
  const kind = gained !== "" && judgement === "label-free" ? " (estimated without labels)" : "";
  terminal.line(`retrained from ${from} by ${method} on ${images}, ${steps} steps${gained}${kind}`);
}
