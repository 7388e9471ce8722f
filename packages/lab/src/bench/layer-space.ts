import {
  type Chain,
  type CostModel,
  chooseLayers,
  type FreezingRates,
  freezingChoices,
  type LayersCost,
  type MethodName,
  NOTHING_FROZEN,
  prescribedRates,
  type RetrainConfig,
  resolveRetrainConfig,
  trainedLayers,
  uniformFreezing,
  withPrescribedRates,
} from "@mpo/core";

/** Which limits hold: those of memory and time, or one of them. */
export const LAYER_LIMITS = ["both", "memory", "time"] as const;
export type LayerLimit = (typeof LAYER_LIMITS)[number];

/** How much each layer matters, by name, in the order of the model. */
export type LayerImportance = ReadonlyMap<string, number>;

/** The freezings that a method may run a model with, at one batch without micro-batches or checkpoints. */
export class LayerSpace {
  readonly #chain: Chain;
  readonly #costs: CostModel;
  readonly #method: MethodName;
  readonly #batch: number;

  constructor(chain: Chain, costs: CostModel, { method, batch }: { method: MethodName; batch: number }) {
    this.#chain = chain;
    this.#costs = costs;
    this.#method = method;
    this.#batch = batch;
  }

  config(freezing: FreezingRates): RetrainConfig {
    const config = resolveRetrainConfig({ microBatch: this.#batch, freezing });
    return withPrescribedRates(config, this.#method);
  }

  /** Of one step, as predicted. */
  cost(freezing: FreezingRates): LayersCost {
    const { memoryBytes, stepMs } = this.#costs.predict(this.config(freezing));
    return { memoryBytes: memoryBytes.expected, stepMs: stepMs.expected };
  }

  /** What a step takes with this share of all layers frozen. */
  limits(rate: number, kind: LayerLimit): LayersCost {
    const { memoryBytes, stepMs } = this.cost({ ...uniformFreezing(rate), linear: 0 });
    return {
      memoryBytes: kind === "time" ? Number.POSITIVE_INFINITY : memoryBytes,
      stepMs: kind === "memory" ? Number.POSITIVE_INFINITY : stepMs,
    };
  }

  /** What matters in all layers that a freezing lets train. */
  importance(freezing: FreezingRates, importance: LayerImportance): number {
    const trained = trainedLayers(this.#chain, this.config(freezing).freezing);
    return [...importance].reduce((sum, [layer, value]) => (trained.has(layer) ? sum + value : sum), 0);
  }

  /** Of all rates in tenths that keep the limits, those under which the most important layers train. */
  prefix(importance: LayerImportance, limits: LayersCost): FreezingRates | undefined {
    const fitting = freezingChoices(this.#chain, prescribedRates(this.#method)).filter(({ rates }) => {
      const { memoryBytes, stepMs } = this.cost(rates);
      return memoryBytes <= limits.memoryBytes && stepMs <= limits.stepMs;
    });
    const worth = fitting.map(({ rates }) => this.importance(rates, importance));
    return fitting[worth.indexOf(Math.max(...worth))]?.rates;
  }

  /** The layers that matter most of all sets that keep the limits. */
  chosen(importance: LayerImportance, limits: LayersCost): FreezingRates | undefined {
    const named = (onlyLayers: readonly string[]): FreezingRates => ({ ...NOTHING_FROZEN, onlyLayers });
    const found = chooseLayers(importance, limits, (layers) => this.cost(named(layers)));
    return found && named(found.layers);
  }
}
