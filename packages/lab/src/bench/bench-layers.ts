import { resolve } from "node:path";
import {
  type CommandContext,
  type DatasetOptions,
  damageOptions,
  driftedSamples,
  type FrostOptions,
  loadModel,
  loadTestImages,
  probeHere,
} from "@mpo/cli";
import {
  type FreezingRates,
  formatBytes,
  formatDuration,
  formatMs,
  formatPoints,
  formatShare,
  given,
  type LayersCost,
  type MethodName,
  MpoError,
  mean,
  NOTHING_FROZEN,
  plannerOf,
  SECOND_MS,
} from "@mpo/core";
import type { CorruptionName } from "@mpo/datasets";
import { chainOf, EngineWorker, firstSamples, layerImportance, type Model, retrain, type Samples } from "@mpo/engine";
import { printTable, withProgress } from "../harness.ts";
import { accuracyWith } from "../retrained-accuracy.ts";
import { type LayerImportance, type LayerLimit, LayerSpace } from "./layer-space.ts";

export interface BenchLayersOptions extends DatasetOptions, FrostOptions {
  readonly weights: string;
  readonly method: MethodName;
  readonly corruptions: readonly CorruptionName[];
  readonly severity: number;
  readonly frozen: readonly number[];
  readonly limit: LayerLimit;
  readonly samples: number;
  readonly judgeSamples: number;
  readonly epochs: number;
  readonly batch: number;
  readonly probeTime: number;
  readonly seed: number;
  readonly threads?: number;
}

const WAYS = ["prefix", "chosen"] as const;
type Way = (typeof WAYS)[number];

/** What trains in one way, what a step takes, and what came of it. */
interface Side extends LayersCost {
  readonly freezing: FreezingRates;
  /** Of all that the method trains, 0 to 1. */
  readonly importance: number;
  /** Share of the judged images, 0 to 1, that what would serve names rightly. */
  readonly accuracy: number;
}

interface Row extends Record<Way, Side> {
  readonly corruption: string;
  /** Share of all layers that prefix freezing leaves out at these limits. */
  readonly frozen: number;
}

/** Images on which the device itself looks whether the retrained model has collapsed. */
const GUARD_IMAGES = 256;

/**
 * Layers chosen by importance against prefix freezing, at equal memory and time of a step and for as many steps: of all
 * rates in tenths that keep the limits, those under which the most important layers train; of all sets, `chooseLayers`'.
 * Importance is measured on the drifted images, as a device would. Judged by labels on other images.
 */
export async function benchLayers(options: BenchLayersOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder } = context;
  const { corruptions, method, batch, probeTime } = options;
  const path = resolve(workingFolder, options.weights);
  const model = await loadModel(path, signal);
  const test = await loadTestImages(options, model, path, context);
  const damage = await damageOptions(corruptions, options, context);
  terminal.note(`probing for ${formatDuration(probeTime / SECOND_MS)} ...`);
  const profile = await probeHere({ model, method, effectiveBatch: batch }, { maxMs: probeTime }, options, context);
  const chain = chainOf(model.graph);
  const space = new LayerSpace(chain, plannerOf(profile, chain).costs, options);
  const rows: Row[] = [];
  const total = corruptions.length * options.frozen.length;
  await withProgress({ terminal, title: "retraining", total }, async (advance) => {
    for (const corruption of corruptions) {
      const { adapted, judged } = await driftedSamples(test, { ...options, corruption }, damage);
      const importance = await importanceOn(adapted, model, options, context);
      for (const frozen of options.frozen) {
        const limits = space.limits(frozen, options.limit);
        const sideOf = async (way: Way): Promise<Side> => {
          const freezing = space[way](importance, limits);
          if (freezing === undefined) throw nothingFits(frozen);
          const accuracy = await accuracyUnder(freezing, { model, adapted, judged, space }, options, context);
          const share = space.importance(freezing, importance) / space.importance(NOTHING_FROZEN, importance);
          return { freezing, importance: share, ...space.cost(freezing), accuracy };
        };
        const row = { corruption, frozen, prefix: await sideOf("prefix"), chosen: await sideOf("chosen") };
        rows.push(row);
        terminal.record(row);
        advance(`${corruption}: ${formatPoints(row.chosen.accuracy - row.prefix.accuracy)}`);
      }
    }
  });
  print(rows, context);
}

function nothingFits(frozen: number): MpoError {
  return new MpoError("over-budget", `no freezing keeps the limits of ${formatShare(frozen)} frozen`, {
    hint: "Give lower shares with --frozen.",
  });
}

async function importanceOn(
  samples: Samples,
  model: Model,
  { method, seed, batch: microBatch, threads }: BenchLayersOptions,
  { environment, signal }: CommandContext,
): Promise<LayerImportance> {
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  return await layerImportance(worker, { model, samples, method, seed, microBatch }, { signal });
}

async function accuracyUnder(
  freezing: FreezingRates,
  task: { readonly model: Model; readonly adapted: Samples; readonly judged: Samples; readonly space: LayerSpace },
  { method, epochs, seed, threads }: BenchLayersOptions,
  { environment, signal }: CommandContext,
): Promise<number> {
  const { model, adapted: samples, judged, space } = task;
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const { images, count } = firstSamples(samples, GUARD_IMAGES);
  const judgedOn = { images, count };
  const config = space.config(freezing);
  const { weights } = await retrain(worker, { model, samples, judgedOn, method, config, epochs, seed }, { signal });
  return await accuracyWith(worker, weights, judged, signal);
}

function print(rows: readonly Row[], { terminal }: CommandContext): void {
  const gained = (row: Row): number => row.chosen.accuracy - row.prefix.accuracy;
  const both = (row: Row, words: (side: Side) => string): string => WAYS.map((way) => words(row[way])).join(" / ");
  printTable<Row>(
    rows,
    [
      ["corruption", ({ corruption }) => corruption],
      ["limits of", ({ frozen }) => `${formatShare(frozen)} frozen`],
      ["importance,\nprefix / chosen", (row) => both(row, ({ importance }) => formatShare(importance))],
      ["memory", (row) => both(row, ({ memoryBytes }) => formatBytes(memoryBytes))],
      ["step", (row) => both(row, ({ stepMs }) => formatMs(stepMs))],
      ["accuracy", (row) => both(row, ({ accuracy }) => formatShare(accuracy))],
    ],
    terminal,
  );
  const points = mean(rows.map(gained));
  const ahead = rows.filter((row) => gained(row) > 0).length;
  terminal.record({ event: "mean", points, ahead, rows: rows.length });
  terminal.line(
    `chosen against prefix: ${formatPoints(points)} points on average, ahead in ${ahead} of ${rows.length}`,
  );
}
