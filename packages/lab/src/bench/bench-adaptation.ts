import { resolve } from "node:path";
import {
  type CommandContext,
  type DatasetOptions,
  damageOptions,
  driftedSamples,
  type FrostOptions,
  loadModel,
  loadTestImages,
} from "@mpo/cli";
import { formatPoints, formatShare, given, type MethodName, mean, resolveRetrainConfig } from "@mpo/core";
import { CORRUPTION_NAMES, type CorruptionName } from "@mpo/datasets";
import { EngineWorker, retrain } from "@mpo/engine";
import { type Columns, printTable, withProgress } from "../harness.ts";
import { servedAccuracy } from "../retrained-accuracy.ts";

export interface BenchAdaptationOptions extends DatasetOptions, FrostOptions {
  readonly weights: string;
  readonly methods: readonly MethodName[];
  readonly severity: number;
  readonly samples: number;
  readonly judgeSamples: number;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly threads?: number;
}

/**
 * Retrains a stored model to each of the 15 corruptions, with each method, without labels, from the same weights every
 * time; judges on other images with the same damage. What would be served counts: the old weights where the new ones are
 * rejected.
 */
export async function benchAdaptation(options: BenchAdaptationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const { methods, severity, batch, epochs, seed, threads } = options;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(CORRUPTION_NAMES, options, context);
  const model = await loadModel(path, signal);
  const test = await loadTestImages(options, model, path, context);
  const config = resolveRetrainConfig({ microBatch: batch });
  /** By method; and before any. */
  const after = new Map(methods.map((method): [MethodName, number[]] => [method, []]));
  const before: number[] = [];
  const total = CORRUPTION_NAMES.length * methods.length;
  await withProgress({ terminal, title: "adapting", total }, async (advance) => {
    for (const [index, corruption] of CORRUPTION_NAMES.entries()) {
      const { adapted, judged } = await driftedSamples(test, { ...options, corruption }, damage);
      for (const [method, accuracies] of after) {
        await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
        const task = { model, samples: adapted, judgedOn: judged, method, config, epochs, seed };
        const { accuracyBefore, accuracyAfter } = servedAccuracy(await retrain(worker, task, { signal }));
        before[index] ??= accuracyBefore;
        accuracies.push(accuracyAfter);
        terminal.record({ corruption, method, severity, accuracyBefore, accuracyAfter });
        advance(`${corruption} ${method} ${formatPoints(accuracyAfter - accuracyBefore)}`);
      }
    }
  });
  const columns = [["before", before] as const, ...after];
  printTable<string>(
    [...CORRUPTION_NAMES, "mean"],
    [
      ["corruption", (corruption) => corruption],
      ...columns.map(([head, all]): Columns<string>[number] => [
        head,
        // The last row is the mean.
        (corruption) => formatShare(all[CORRUPTION_NAMES.indexOf(corruption as CorruptionName)] ?? mean(all)),
      ]),
    ],
    terminal,
  );
  for (const [method, all] of after) {
    terminal.record({ corruption: "mean", method, accuracyBefore: mean(before), accuracyAfter: mean(all) });
  }
}
