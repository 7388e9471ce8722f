import { METHOD_NAMES, METHODS_WITHOUT_LABELS, type MethodName, MpoError, methodOf } from "@mpo/core";
import type { Optimizer } from "../losses/optimizer.ts";

/** How a method adapts a model, unless other values are given. What it never trains, core's `prescribedRates` says. */
export interface AdaptationMethod {
  readonly loss: MethodName;
  readonly optimizer: Optimizer;
  /** Learning rate for an effective batch of 256; it follows the batch in proportion. */
  readonly learningRate: number;
  readonly needsLabels: boolean;
  /** Labels are made by the model itself, again for each epoch. */
  readonly usesPseudoLabels: boolean;
  /** Its loss asks for answers of all classes alike: what is not so is not trained on, but normalised by. */
  readonly wantsEvenClasses?: boolean;
  /** Share of the way from what serves to the source by which a window begins: so many windows do not add up to a collapse. */
  readonly pullAtStart?: number;
  /** Passes over the samples after which nothing more is learned; absent: there is no such number. */
  readonly mostEpochs?: number;
}

/** Effective batch for which the learning rates are given. */
const REFERENCE_BATCH = 256;
/**
 * 2000 in the paper, for SGD on ImageNet, and 1 on CIFAR-10. Under Adam, with gradients of a ResNet-20 that is sure of its reference
 * images, 2000 changes no accuracy by a tenth of a point; with a hundred times as much, undamaged images lose half a point less.
 */
const EATA_ANCHOR = 200_000;
const NESTEROV: Optimizer = { kind: "momentum", momentum: 0.9, nesterov: true };

/**
 * - Norm (Schneider et al. 2020): no training; statistics of batch normalisation are taken over.
 * - Tent (Wang et al. 2021): entropy of the predictions.
 * - ETA (Niu et al. 2022): entropy of reliable predictions that differ from the mean of the latest.
 * - EATA (the same): ETA, anchored to the weights as delivered, by what matters to reference samples.
 * - ROID (Marsden et al. 2024): likelihood ratio, drawn back to the source by a hundredth at each step.
 * - SHOT (Liang et al. 2020): information maximisation and pseudo-labels.
 * - Cross-entropy: where labels are known.
 */
const METHODS: Readonly<Record<MethodName, Omit<AdaptationMethod, "loss" | "needsLabels">>> = {
  norm: {
    optimizer: { kind: "adam" },
    learningRate: 1e-3,
    usesPseudoLabels: false,
    mostEpochs: 1,
  },
  tent: { optimizer: { kind: "adam" }, learningRate: 1e-3, usesPseudoLabels: false },
  eta: { optimizer: { kind: "adam" }, learningRate: 1e-3, usesPseudoLabels: false },
  eata: {
    optimizer: { kind: "adam", anchor: EATA_ANCHOR },
    learningRate: 1e-3,
    usesPseudoLabels: false,
  },
  roid: {
    optimizer: { kind: "adam", sourcePull: 0.01 },
    learningRate: 1e-3,
    usesPseudoLabels: false,
  },
  shot: {
    optimizer: NESTEROV,
    learningRate: 5e-3,
    usesPseudoLabels: true,
    wantsEvenClasses: true,
    pullAtStart: 0.5,
  },
  crossEntropy: { optimizer: NESTEROV, learningRate: 1e-2, usesPseudoLabels: false },
};

/** The method of a name: that of its loss. Throws `invalid-argument`. */
export function methodNamed(name: string): AdaptationMethod {
  const loss = methodOf(name);
  if (loss !== undefined) return { loss, needsLabels: !METHODS_WITHOUT_LABELS.includes(loss), ...METHODS[loss] };
  throw new MpoError("invalid-argument", `method ${name} is unknown; expected ${METHOD_NAMES.join(", ")}`);
}

export function learningRateFor({ learningRate }: AdaptationMethod, effectiveBatch: number): number {
  return (learningRate * effectiveBatch) / REFERENCE_BATCH;
}
