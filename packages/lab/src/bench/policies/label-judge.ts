import { EngineWorker, evaluateAccuracy, type Model, type ModelWeights, type Samples } from "@mpo/engine";

/** Accuracy by labels, in a process of its own: what a judge's large batches take is no matter of the runs' limits. */
export class LabelJudge implements AsyncDisposable {
  readonly #worker: EngineWorker;
  readonly #signal: AbortSignal;

  private constructor(worker: EngineWorker, signal: AbortSignal) {
    this.#worker = worker;
    this.#signal = signal;
  }

  /** A judge of models of this graph. Dispose of it: it is a process. */
  static async start(
    model: Model,
    options: { readonly environment: Readonly<Record<string, string | undefined>>; readonly threads?: number },
    signal: AbortSignal,
  ): Promise<LabelJudge> {
    const worker = await EngineWorker.start(options, { signal });
    try {
      await worker.load({ ...model }, { signal });
      return new LabelJudge(worker, signal);
    } catch (error) {
      await worker.close();
      throw error;
    }
  }

  /** Share of the samples, 0 to 1, that a model with these weights names rightly. */
  async accuracy(weights: ModelWeights, samples: Samples): Promise<number> {
    await this.#worker.assignWeights(weights, { signal: this.#signal });
    return await evaluateAccuracy(this.#worker, samples, { signal: this.#signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.close();
  }
}
