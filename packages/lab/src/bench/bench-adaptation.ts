import { resolve } from "node:path";
import {
  type CommandContext,
  type DatasetOptions,
  damageOptions,
  type FrostOptions,
  loadModel,
  loadTestImages,
} from "@mpo/cli";
import { formatPoints, formatShare, given, type MethodName, mean, resolveRetrainConfig } from "@mpo/core";
import { CORRUPTION_NAMES } from "@mpo/datasets";
import { EngineWorker, type Model, retrain } from "@mpo/engine";
import { type Columns, printTable, withProgress } from "../harness.ts";
import { accuracyWith } from "../retrained-accuracy.ts";
import { type AdaptationWindow, adaptationWindows, CARRIES_ON, type WindowOptions } from "./adaptation-windows.ts";

export interface BenchAdaptationOptions extends DatasetOptions, FrostOptions, WindowOptions {
  readonly weights: string;
  readonly methods: readonly MethodName[];
  readonly epochs: number;
  readonly batch: number;
  readonly threads?: number;
}

/** Shares, 0 to 1, of a window's judged images that are named rightly. */
interface WindowRow {
  readonly window: string;
  /** By the source model. */
  readonly none: number;
  readonly after: ReadonlyMap<MethodName, number>;
}

/**
 * Retrains a stored model in the windows of a protocol, with each method; reports accuracy on other images than those
 * adapted to. As on a device, the judge sees no labels, and what would be served counts: the weights that the window began
 * with where the new ones are rejected.
 */
export async function benchAdaptation(options: BenchAdaptationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder } = context;
  const { methods, protocol, severity } = options;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(CORRUPTION_NAMES, options, context);
  const source = await loadModel(path, signal);
  const test = await loadTestImages(options, source, path, context);
  const served = new Map(methods.map((method) => [method, source]));
  const rows: WindowRow[] = [];
  const total = CORRUPTION_NAMES.length * methods.length;
  await withProgress({ terminal, title: "adapting", total }, async (advance) => {
    for await (const window of adaptationWindows(test, options, damage)) {
      const after = new Map<MethodName, number>();
      let none: number | undefined;
      for (const [method, model] of served) {
        const adapted = await adapt(window, { source, model, method, none }, options, context);
        const { accuracy, isAccepted, reason } = adapted;
        none = adapted.none;
        after.set(method, accuracy);
        if (CARRIES_ON[protocol]) served.set(method, { ...model, weights: adapted.weights });
        terminal.record({ protocol, window: window.name, method, severity, none, accuracy, isAccepted, reason });
        advance(`${window.name} ${method} ${formatPoints(accuracy - none)}`);
      }
      rows.push({ window: window.name, none: none ?? 0, after });
    }
  });
  const last: WindowRow = {
    window: "mean",
    none: mean(rows.map(({ none }) => none)),
    after: new Map(methods.map((method) => [method, mean(rows.map(({ after }) => after.get(method) ?? 0))])),
  };
  for (const [method, accuracy] of last.after) {
    const below = rows.filter(({ none, after }) => (after.get(method) ?? 0) < none).length;
    terminal.record({ protocol, window: last.window, method, severity, none: last.none, accuracy, below });
  }
  printTable<WindowRow>(
    [...rows, last],
    [
      ["window", ({ window }) => window],
      ["none", ({ none }) => formatShare(none)],
      ...methods.map((method): Columns<WindowRow>[number] => [
        method,
        ({ after }) => formatShare(after.get(method) ?? 0),
      ]),
    ],
    terminal,
  );
}

interface Subject {
  readonly source: Model;
  /** What the window before has left; the source where there is none, or the protocol resets. */
  readonly model: Model;
  readonly method: MethodName;
  /** Accuracy of the source model, where it is known. */
  readonly none: number | undefined;
}

async function adapt(
  { adapted: samples, judged }: AdaptationWindow,
  { source, model, method, none }: Subject,
  { batch, epochs, seed, threads }: BenchAdaptationOptions,
  { environment, signal }: CommandContext,
) {
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const { labels: _, ...judgedOn } = judged;
  const config = resolveRetrainConfig({ microBatch: batch });
  // What an earlier window left is begun with where it does better than the source: else that is gone back to.
  const start = model === source ? undefined : model.weights;
  const task = { model: source, start, samples, judgedOn, method, config, epochs, seed };
  const { weights, isAccepted, reason } = await retrain(worker, task, { signal });
  const accuracy = await accuracyWith(worker, weights, judged, signal);
  const before = none ?? (await accuracyWith(worker, source.weights, judged, signal));
  return { weights, isAccepted, reason, accuracy, none: before };
}
