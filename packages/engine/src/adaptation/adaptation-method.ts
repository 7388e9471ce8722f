import { type FreezingRates, LAYER_CLASSES, NOTHING_FROZEN, prescribedRates, type RetrainConfig } from "@mpo/core";
import type { LossName } from "../losses/loss.ts";
import type { Optimizer } from "../losses/optimizer.ts";

/** How a method adapts a model, unless it is told otherwise. */
export interface AdaptationMethod {
  readonly loss: LossName;
  readonly optimizer: Optimizer;
  /** Learning rate for an effective batch of 256; it follows the batch in proportion. */
  readonly learningRate: number;
  /** What the method never trains, whatever the config says. */
  readonly freezing: FreezingRates;
  /** The samples need labels. */
  readonly needsLabels: boolean;
  /** Labels are made by the model itself, anew for each epoch. */
  readonly usesPseudoLabels: boolean;
}

/** Effective batch for which the learning rates are given. */
const REFERENCE_BATCH = 256;
const NESTEROV: Optimizer = { kind: "momentum", momentum: 0.9, nesterov: true };

/**
 * - Tent (Wang et al. 2021): entropy of the predictions, by the scales and shifts of the normalisation layers alone.
 * - SHOT (Liang et al. 2020): information maximisation and pseudo-labels; the classifier stays.
 * - Cross-entropy: where labels are known; everything trains.
 */
const METHODS: Readonly<Record<LossName, AdaptationMethod>> = {
  tent: {
    loss: "tent",
    optimizer: { kind: "adam" },
    learningRate: 1e-3,
    freezing: { ...NOTHING_FROZEN, ...prescribedRates("tent") },
    needsLabels: false,
    usesPseudoLabels: false,
  },
  shot: {
    loss: "shot",
    optimizer: NESTEROV,
    learningRate: 5e-3,
    freezing: { ...NOTHING_FROZEN, ...prescribedRates("shot") },
    needsLabels: false,
    usesPseudoLabels: true,
  },
  crossEntropy: {
    loss: "crossEntropy",
    optimizer: NESTEROV,
    learningRate: 1e-2,
    freezing: NOTHING_FROZEN,
    needsLabels: true,
    usesPseudoLabels: false,
  },
};

/** The method of a name. */
export function adaptationMethod(name: LossName): AdaptationMethod {
  return METHODS[name];
}

/** The config as the method can run it: layers are frozen where either of them says so. */
export function configForMethod(config: RetrainConfig, { freezing }: AdaptationMethod): RetrainConfig {
  const rates = LAYER_CLASSES.map((name) => [name, Math.max(config.freezing[name], freezing[name])] as const);
  return { ...config, freezing: Object.fromEntries(rates) as unknown as FreezingRates };
}

/** The method's learning rate for an effective batch. */
export function learningRateFor({ learningRate }: AdaptationMethod, effectiveBatch: number): number {
  return (learningRate * effectiveBatch) / REFERENCE_BATCH;
}
