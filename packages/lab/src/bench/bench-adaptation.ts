import { resolve } from "node:path";
import {
  type CommandContext,
  createTable,
  type DatasetOptions,
  driftedSamples,
  loadDataset,
  loadModel,
  requireFitting,
  startProgress,
} from "@mpo/cli";
import { given, type MethodName, MpoError, mean, resolveRetrainConfig } from "@mpo/core";
import { CORRUPTION_NAMES } from "@mpo/datasets";
import { EngineWorker, type Model, retrain } from "@mpo/engine";

/** The options of `mpo bench adaptation`. */
export interface BenchAdaptationOptions extends DatasetOptions {
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

/** Accuracies of one method, 0 to 1, by corruption. */
interface MethodAccuracies {
  readonly method: MethodName;
  readonly after: number[];
}

/**
 * Retrains a stored model to each of the 15 corruptions, with each method, without labels, from the same weights every
 * time; judges on other images with the same damage. What would be served counts: the old weights where the new ones are
 * rejected.
 */
export async function benchAdaptation(options: BenchAdaptationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const path = resolve(workingFolder, options.weights);
  const model = await loadModel(path, signal);
  const { test } = await loadDataset(options, context);
  requireFitting(model, test, path);
  const methods = options.methods.map((method): MethodAccuracies => ({ method, after: [] }));
  const before: number[] = [];
  const progress = startProgress(terminal, "adapting", CORRUPTION_NAMES.length * methods.length);
  try {
    let done = 0;
    for (const corruption of CORRUPTION_NAMES) {
      const drifted = await driftedSamples(test, { ...options, corruption }, signal);
      for (const { method, after } of methods) {
        const result = await adapt(model, method, drifted, options, { environment, signal });
        const accuracyBefore = known(result.accuracyBefore);
        const served = result.isAccepted ? known(result.accuracyAfter) : accuracyBefore;
        if (after.length === before.length) before.push(accuracyBefore);
        after.push(served);
        terminal.record({ corruption, method, severity: options.severity, accuracyBefore, accuracyAfter: served });
        progress.update(++done, `${corruption} ${method} ${points(served - accuracyBefore)}`);
      }
    }
  } finally {
    progress.end();
  }
  const table = createTable(terminal, ["corruption", "before", ...methods.map(({ method }) => method)]);
  CORRUPTION_NAMES.forEach((corruption, index) => {
    const cells = methods.map(({ after }) => percent(after[index] as number));
    table.push([corruption, percent(before[index] as number), ...cells]);
  });
  table.push(["mean", percent(mean(before)), ...methods.map(({ after }) => percent(mean(after)))]);
  terminal.line(table.toString());
  for (const { method, after } of methods) {
    terminal.record({ corruption: "mean", method, accuracyBefore: mean(before), accuracyAfter: mean(after) });
  }
}

async function adapt(
  model: Model,
  method: MethodName,
  { adapted, judged }: Awaited<ReturnType<typeof driftedSamples>>,
  { batch, epochs, seed, threads }: BenchAdaptationOptions,
  { environment, signal }: Pick<CommandContext, "environment" | "signal">,
): Promise<Awaited<ReturnType<typeof retrain>>> {
  const workerOptions = { environment, ...given({ threads }) };
  await using worker = await EngineWorker.start(workerOptions, { signal });
  const config = resolveRetrainConfig({ microBatch: batch });
  return await retrain(worker, { model, samples: adapted, judgedOn: judged, method, config, epochs, seed }, { signal });
}

function known(accuracy: number | undefined): number {
  if (accuracy === undefined) throw new MpoError("invalid-data", "accuracy needs labels; this data set has none");
  return accuracy;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function points(share: number): string {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(1)}`;
}
