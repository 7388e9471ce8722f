import { resolve } from "node:path";
import { type CommandContext, damageOptions, driftedSamples, loadModel, loadTestImages } from "@mpo/cli";
import { formatShare, given, type MethodName, mean, nearestBySignature, resolveRetrainConfig } from "@mpo/core";
import type { CorruptionName } from "@mpo/datasets";
import {
  EngineWorker,
  firstSamples,
  type ModelWeights,
  normalisationOf,
  type RetrainResult,
  retrain,
  type Samples,
  withNormalisation,
} from "@mpo/engine";
import { printTable, withProgress } from "../harness.ts";
import { accuracyWith } from "../retrained-accuracy.ts";
import type { BenchAdaptationOptions } from "./bench-adaptation.ts";
import { signatureOf } from "./signature-of.ts";

export interface BenchStartsOptions extends Omit<BenchAdaptationOptions, "methods"> {
  readonly method: MethodName;
  readonly corruptions: readonly CorruptionName[];
  readonly sharedSeverity: number;
  readonly sharedSamples: number;
}

/** What a device has learned of a drift and shares. */
interface Shared {
  readonly drift: CorruptionName;
  readonly signature: readonly number[];
  readonly normalisation: Uint8Array;
}

/** Accuracy on other images of the drift, 0 to 1, of what would serve. */
interface Row {
  readonly corruption: string;
  /** Whose parameters were nearest, and how near; absent: none was near enough, and it starts from what serves. */
  readonly nearest?: string;
  readonly distance?: number;
  readonly before: number;
  /** With the nearest parameters put in, and no training. */
  readonly untrained: number;
  readonly firstStep: number;
  readonly firstStepFromNearest: number;
  readonly window: number;
  readonly windowFromNearest: number;
  /** After a window for which the parameters of another drift were given, and whether it began from them. */
  readonly windowFromOther: number;
  readonly isOtherTaken: boolean;
}

/**
 * One device has answered each corruption, at one severity; another meets them with other images, at the same severity or
 * at another. What does it gain by starting from the nearest of what was shared: untrained, after one step and after a
 * window? And what does it lose by parameters of another drift? Devices train without labels; labels of other images judge.
 */
export async function benchStarts(options: BenchStartsOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const { method, corruptions, severity, batch, epochs, seed, threads } = options;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(corruptions, options, context);
  const model = await loadModel(path, signal);
  const { graph } = model;
  const test = await loadTestImages(options, model, path, context);
  const config = resolveRetrainConfig({ microBatch: batch });
  const startWorker = () => EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const train = async ({ images, count }: Samples, passes: number, start?: Shared): Promise<RetrainResult> => {
    await using worker = await startWorker();
    const task = { model, samples: { images, count }, method, config, epochs: passes, seed };
    const weights = start && withNormalisation(model, start.normalisation);
    return await retrain(worker, { ...task, start: weights }, { signal });
  };
  const learn = async (drift: CorruptionName): Promise<Shared> => {
    const drawn = { ...options, corruption: drift, severity: options.sharedSeverity, samples: options.sharedSamples };
    const { adapted } = await driftedSamples(test, drawn, damage);
    const { weights } = await train(adapted, epochs);
    return {
      ...{ drift, signature: signatureOf(adapted, test) },
      normalisation: normalisationOf({ graph, weights }) ?? new Uint8Array(),
    };
  };
  await using judge = await startWorker();
  await judge.load(model, { signal });
  const meet = async (corruption: CorruptionName, shared: readonly Shared[]): Promise<Row> => {
    const drawn = { ...options, corruption, severity, seed: seed + 1 };
    const { adapted, judged } = await driftedSamples(test, drawn, damage);
    const accuracyOf = (weights: ModelWeights): Promise<number> => accuracyWith(judge, weights, judged, signal);
    const first = firstSamples(adapted, batch);
    const after = async (samples: Samples, passes: number, start?: Shared): Promise<number> =>
      await accuracyOf((await train(samples, passes, start)).weights);
    const signature = signatureOf(adapted, test);
    const found = nearestBySignature(signature, shared);
    const nearest = found?.item;
    const others = shared.filter(({ drift }) => drift !== corruption && drift !== nearest?.drift);
    const other = others[corruptions.indexOf(corruption) % Math.max(1, others.length)];
    const fromOther = await train(adapted, epochs, other);
    const [before, firstStep, window] = [
      await accuracyOf(model.weights),
      await after(first, 1),
      await after(adapted, epochs),
    ];
    return {
      ...{ corruption, before, firstStep, window, ...given({ nearest: nearest?.drift, distance: found?.distance }) },
      untrained: nearest ? await accuracyOf(withNormalisation(model, nearest.normalisation)) : before,
      firstStepFromNearest: nearest ? await after(first, 1, nearest) : firstStep,
      windowFromNearest: nearest ? await after(adapted, epochs, nearest) : window,
      windowFromOther: await accuracyOf(fromOther.weights),
      isOtherTaken: fromOther.isFromStart,
    };
  };
  await withProgress({ terminal, title: "adapting", total: 2 * corruptions.length }, async (advance) => {
    const shared: Shared[] = [];
    for (const drift of corruptions) {
      shared.push(await learn(drift));
      advance(`${drift} learned`);
    }
    const rows: Row[] = [];
    for (const corruption of corruptions) {
      const row = await meet(corruption, shared);
      rows.push(row);
      terminal.record(row);
      advance(corruption);
    }
    printRows(rows, context);
  });
}

function printRows(rows: readonly Row[], { terminal }: CommandContext): void {
  const meanOf = (read: (row: Row) => number): number => mean(rows.map(read));
  const average: Row = {
    corruption: "mean",
    before: meanOf(({ before }) => before),
    untrained: meanOf(({ untrained }) => untrained),
    firstStep: meanOf(({ firstStep }) => firstStep),
    firstStepFromNearest: meanOf((row) => row.firstStepFromNearest),
    window: meanOf(({ window }) => window),
    windowFromNearest: meanOf((row) => row.windowFromNearest),
    windowFromOther: meanOf((row) => row.windowFromOther),
    isOtherTaken: false,
  };
  terminal.record(average);
  const two = (own: number, shared: number): string => `${formatShare(own)}\n${formatShare(shared)}`;
  printTable<Row>(
    [...rows, average],
    [
      ["corruption", ({ corruption }) => corruption],
      ["nearest", ({ nearest, distance }) => (nearest === undefined ? "-" : `${nearest}\nat ${distance?.toFixed(3)}`)],
      ["before,\nuntrained", ({ before, untrained }) => two(before, untrained)],
      ["1 step:\nown, nearest", (row) => two(row.firstStep, row.firstStepFromNearest)],
      ["window:\nown, nearest", (row) => two(row.window, row.windowFromNearest)],
      ["from\nanother", (row) => `${formatShare(row.windowFromOther)}\n${row.isOtherTaken ? "taken" : ""}`],
    ],
    terminal,
  );
}
