import { type AccuracyJudge, aettaAccuracy, MpoError } from "@mpo/core";
import { accuracyOf } from "../../adaptation/evaluate.ts";
import type { ModelGraph } from "../../model/model-graph.ts";
import type { Samples } from "../../training/batches.ts";
import type { EngineWorker } from "../../worker/engine-worker.ts";
import { headDropout, predictionsOf } from "./head-dropout.ts";

const JUDGED = "judged";
const BATCH = 64;
const DROPOUT_RUNS = 10;
const SEED = 0;

/**
 * Judges the weights that a worker holds: by labels where there are any, else by how far predictions agree under dropout
 * (AETTA, Lee et al. 2024). Confidence is not a measure here: entropy minimisation makes predictions surer, right or wrong,
 * and a model that has collapsed is the surest of all.
 */
export class AccuracyReader {
  readonly kind: AccuracyJudge;
  readonly #worker: EngineWorker;
  readonly #graph: ModelGraph;
  readonly #judged: Samples;
  readonly #signal: AbortSignal;
  readonly #batch: number;

  private constructor(worker: EngineWorker, graph: ModelGraph, judged: Samples, signal: AbortSignal, batch: number) {
    this.#worker = worker;
    this.#graph = graph;
    this.#judged = judged;
    this.#signal = signal;
    this.#batch = batch;
    this.kind = judged.labels === undefined ? "label-free" : "labels";
  }

  /**
   * Undefined when there is nothing to judge by: neither labels nor a dense layer whose features can be dropped.
   * `mostAtOnce`: samples that the worker's memory holds at once.
   */
  static of(
    worker: EngineWorker,
    graph: ModelGraph,
    judged: Samples,
    signal: AbortSignal,
    mostAtOnce: number = BATCH,
  ): AccuracyReader | undefined {
    const hasHead = graph.nodes.some(({ kind }) => kind === "dense");
    if (judged.labels === undefined && !hasHead) return undefined;
    return new AccuracyReader(worker, graph, judged, signal, Math.min(BATCH, mostAtOnce));
  }

  /** Accuracy of the weights that the worker holds now, 0 to 1. */
  async read(): Promise<number> {
    const { images, labels, count } = this.#judged;
    const call = { signal: this.#signal };
    await this.#worker.call("samples", { name: JUDGED, samples: { images, count } }, call);
    const request = { samples: JUDGED, batch: this.#batch, features: labels === undefined };
    const { logits, features } = await this.#worker.call("evaluate", request, call);
    if (labels !== undefined) return accuracyOf(logits, labels);
    if (features === undefined) throw new MpoError("internal", "the worker gave no features");
    const weights = await this.#worker.call("readWeights", {}, call);
    const runs = headDropout(this.#graph, weights, { features, count }, { runs: DROPOUT_RUNS, seed: SEED });
    return aettaAccuracy(predictionsOf(logits, count), runs);
  }
}
