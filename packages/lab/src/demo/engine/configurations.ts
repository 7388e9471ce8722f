import { accumulationFor, NOTHING_FROZEN, type RetrainConfig, resolveRetrainConfig } from "@mpo/core";

/** A way to spend memory and time on the same retraining. */
export interface DemoConfiguration {
  readonly name: string;
  readonly config: RetrainConfig;
}

const BATCH = 256;
const MICRO_BATCH = 32;
const FREEZING = 0.5;
const SEGMENTS = 4;

const microBatched = { microBatch: MICRO_BATCH, accumulation: accumulationFor(BATCH, MICRO_BATCH) };
const frozen = { freezing: { ...NOTHING_FROZEN, featureExtraction: FREEZING, normalisation: FREEZING } };
const checkpointed = { checkpoints: { kind: "uniform", segments: SEGMENTS } } as const;

/** The plain step, each of the three techniques alone, and all of them: always 256 images in a step. */
export const DEMO_CONFIGURATIONS: readonly DemoConfiguration[] = [
  { name: "plain", config: resolveRetrainConfig({ microBatch: BATCH }) },
  { name: `micro-batch ${MICRO_BATCH}`, config: resolveRetrainConfig(microBatched) },
  { name: `freezing ${100 * FREEZING} %`, config: resolveRetrainConfig({ microBatch: BATCH, ...frozen }) },
  { name: `${SEGMENTS} segments`, config: resolveRetrainConfig({ microBatch: BATCH, ...checkpointed }) },
  { name: "all three", config: resolveRetrainConfig({ ...microBatched, ...frozen, ...checkpointed }) },
];
