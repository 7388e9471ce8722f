import type { MethodName } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { weightedLikelihoodRatio } from "./likelihood-ratio.ts";
import { cosineToLatest, entropyOf, type LossInputs, type LossTensors, maskOf } from "./loss-parts.ts";

/** Weight of the pseudo-labels' cross-entropy in SHOT (digits experiments of the paper: 0.1 to 0.3). */
export const SHOT_PSEUDO_LABEL_WEIGHT = 0.3;

/** Tensors of `[b, classes]` that are alive at once while a loss runs, in addition to logits and their gradient. */
export const LOSS_WORK_TENSORS: Readonly<Record<MethodName, number>> = {
  norm: 4,
  crossEntropy: 1,
  tent: 4,
  eta: 6,
  eata: 8,
  roid: 8,
  shot: 6,
};

/** Entropy, as a share of the largest, from which ETA leaves a prediction out as unreliable (Niu et al. 2022: 0.4). */
const ETA_ENTROPY_SHARE = 0.4;

/**
 * Cosine to the mean prediction from which ETA leaves a prediction out as redundant: 0.4 for 10 classes and 0.05 for 1000
 * (Niu et al. 2022, section 4.1), between and around them by the power law through both.
 */
export function etaCosine(classes: number): number {
  return 0.4 * (classes / 10) ** (Math.log(0.05 / 0.4) / Math.log(1000 / 10));
}

/** Emits a loss of the logits and its gradient in closed form. */
export function emitLoss(name: MethodName, emit: GraphEmitter, inputs: LossInputs): LossTensors {
  switch (name) {
    case "crossEntropy":
      return crossEntropy(emit, inputs);
    // `norm` trains nothing: its loss says how sure the predictions are.
    case "norm":
    case "tent":
      return entropy(emit, inputs);
    case "eta":
      return reliableEntropy(emit, inputs);
    case "eata":
      return labelledOrReliable(emit, inputs);
    case "roid":
      return weightedLikelihoodRatio(emit, inputs);
    case "shot":
      return informationMaximisation(emit, inputs);
  }
}

function crossEntropy(emit: GraphEmitter, { logits, labels, sampleWeight }: LossInputs): LossTensors {
  const isGiven = emit.node("GreaterEqual", [labels, emit.int(0)], { T: "int32" });
  const given = maskOf(emit, isGiven);
  const known = emit.node("Maximum", [labels, emit.int(0)], { T: "int32" });
  const node = emit.node("SparseSoftmaxCrossEntropyWithLogits", [logits, known], { T: "float", Tlabels: "int32" });
  const weight = emit.float32("Mul", given, sampleWeight);
  const loss = emit.sum(emit.float32("Mul", node, weight), [0], false);
  const column = emit.reshape(weight, [-1, 1]);
  return { loss, gradient: emit.float32("Mul", `${node}:1`, column) };
}

/** Cross-entropy of the samples that have a label, and `reliableEntropy` of the others. */
function labelledOrReliable(emit: GraphEmitter, inputs: LossInputs): LossTensors {
  const isUnlabelled = maskOf(emit, emit.node("Less", [inputs.labels, emit.int(0)], { T: "int32" }));
  const unlabelled = reliableEntropy(emit, inputs, emit.reshape(isUnlabelled, [-1, 1]));
  const labelled = crossEntropy(emit, inputs);
  return {
    loss: emit.float32("AddV2", unlabelled.loss, labelled.loss),
    gradient: emit.float32("AddV2", unlabelled.gradient, labelled.gradient),
  };
}

function entropy(emit: GraphEmitter, { logits, sampleWeight }: LossInputs): LossTensors {
  const { perSample, slope } = entropyOf(emit, logits);
  const loss = emit.float32("Mul", emit.sum(perSample, [0, 1], false), sampleWeight);
  return { loss, gradient: emit.float32("Mul", slope, emit.float32("Neg", sampleWeight)) };
}

/**
 * Entropy of the samples whose prediction is reliable (entropy below E0) and not like the latest (cosine to their mean),
 * each weighted by exp(E0 - entropy); weights have no gradient. Its mean is over all samples of the batch: how many of them
 * count is not known while micro-batches run. `[b, 1]` `isCounted`: 0 where a sample does not count at all.
 */
function reliableEntropy(
  emit: GraphEmitter,
  { logits, sampleWeight, meanPrediction, classes }: LossInputs,
  isCounted?: string,
): LossTensors {
  const { probabilities, perSample, slope } = entropyOf(emit, logits);
  const most = emit.float(ETA_ENTROPY_SHARE * Math.log(classes));
  const cosine = cosineToLatest(emit, probabilities, meanPrediction);
  const isReliable = emit.float32("Less", perSample, most);
  const isUnlike = emit.float32("Less", cosine, emit.float(etaCosine(classes)));
  const isTaken = maskOf(emit, emit.node("LogicalAnd", [isReliable, isUnlike]));
  const counts = isCounted === undefined ? isTaken : emit.float32("Mul", isTaken, isCounted);
  const sureness = emit.float32("Exp", emit.float32("Sub", most, perSample));
  const weight = emit.float32("Mul", emit.float32("Mul", counts, sureness), sampleWeight);
  const loss = emit.sum(emit.float32("Mul", perSample, weight), [0, 1], false);
  return { loss, gradient: emit.float32("Mul", slope, emit.float32("Neg", weight)) };
}

/**
 * Entropy of each prediction, minus the entropy of the mean prediction (of the micro-batch: the mean over the whole
 * effective batch is not known while micro-batches run), plus the pseudo-labels' cross-entropy.
 */
function informationMaximisation(emit: GraphEmitter, inputs: LossInputs): LossTensors {
  const { logits, sampleWeight, batch } = inputs;
  const certain = entropy(emit, inputs);
  const pseudo = crossEntropy(emit, inputs);
  const probabilities = emit.float32("Softmax", logits);
  const mean = emit.mean(probabilities, [0], true);
  const logMean = emit.float32("Log", emit.float32("AddV2", mean, emit.float(1e-8)));
  const batchSize = emit.node("Cast", [batch], { SrcT: "int32", DstT: "float" });
  const share = emit.float32("Mul", sampleWeight, batchSize);
  const negativeDiversity = emit.float32("Mul", emit.sum(emit.float32("Mul", mean, logMean), [0, 1], false), share);
  const centred = emit.float32("Sub", logMean, emit.sum(emit.float32("Mul", probabilities, logMean), [1], true));
  const diversityGradient = emit.float32("Mul", emit.float32("Mul", probabilities, centred), sampleWeight);
  const weight = emit.float(SHOT_PSEUDO_LABEL_WEIGHT);
  const maximised = emit.float32("AddV2", certain.loss, negativeDiversity);
  const gradient = emit.float32("AddV2", certain.gradient, diversityGradient);
  return {
    loss: emit.float32("AddV2", maximised, emit.float32("Mul", pseudo.loss, weight)),
    gradient: emit.float32("AddV2", gradient, emit.float32("Mul", pseudo.gradient, weight)),
  };
}
