import { accumulationFor, NOTHING_FROZEN, type RetrainConfig, resolveRetrainConfig } from "@mpo/core";

/** Baselines by fixed rules, as their authors published them: nothing of them is searched, no accuracy is probed. */
export const PUBLISHED_NAMES = [
  "publishedPlain",
  "publishedMicroBatch",
  "publishedFreezing",
  "publishedCheckpointing",
  "publishedMixture",
] as const;
export type PublishedName = (typeof PUBLISHED_NAMES)[number];

/** What a rule looks at. */
export interface RuleInput {
  /** Units of the model's chain. */
  readonly unitCount: number;
  readonly effectiveBatch: number;
  /** Sizes that divide the batch, the batch itself among them. */
  readonly microBatches: readonly number[];
}

/**
 * The configs of each rule, in the order in which it takes them: the first that fits the memory runs, and where none does
 * the model stays as it is. What a method never trains is frozen under each.
 */
export const PUBLISHED_RULES: Readonly<Record<PublishedName, (input: RuleInput) => readonly RetrainConfig[]>> = {
  /** The whole batch, nothing else: what a framework does unless it is told otherwise. */
  publishedPlain: (input) => [wholeBatch(input)],
  /** Gradients of micro-batches are added up (Huang et al. 2019, section 2.2); each is the largest that fits. */
  publishedMicroBatch: (input) => accumulated(input),
  /** Of the layers of each class, the half that is nearer to the input is frozen. */
  publishedFreezing: (input) => [
    { ...wholeBatch(input), freezing: { ...NOTHING_FROZEN, featureExtraction: 0.5, normalisation: 0.5 } },
  ],
  /** About sqrt(n) equal segments of n units (Chen et al. 2016). */
  publishedCheckpointing: (input) => [{ ...wholeBatch(input), checkpoints: equalSegments(input) }],
  /**
   * Checkpointing and micro-batches, by the memory that there is now (Sage: Gim and Ko 2022). Sage's code is not public;
   * here it is the plain step where that fits, else equal segments, and with them the largest micro-batch that fits.
   */
  publishedMixture: (input) => [
    wholeBatch(input),
    ...accumulated(input).map((config) => ({ ...config, checkpoints: equalSegments(input) })),
  ],
};

function wholeBatch({ effectiveBatch }: RuleInput): RetrainConfig {
  return resolveRetrainConfig({ microBatch: effectiveBatch, accumulation: 1 });
}

/** Every micro-batch, the largest first. */
function accumulated({ effectiveBatch, microBatches }: RuleInput): readonly RetrainConfig[] {
  return microBatches
    .toSorted((left, right) => right - left)
    .map((microBatch) =>
      resolveRetrainConfig({ microBatch, accumulation: accumulationFor(effectiveBatch, microBatch) }),
    );
}

function equalSegments({ unitCount }: RuleInput): RetrainConfig["checkpoints"] {
  return { kind: "uniform", segments: Math.max(1, Math.round(Math.sqrt(unitCount))) };
}
