import type { RetrainConfig } from "../facts/index.ts";

/** Memory under which a configuration has failed, bytes, by `configKey`. Plain data, stored as JSON. */
export type InfeasibleConfigs = Readonly<Record<string, number>>;

/** A configuration that failed is tried again with this much more memory. */
const WORTH_ANOTHER_TRY = 1.1;
/** Marks that are kept; the oldest go first. */
const MAX_MARKS = 256;

/** A configuration as a text: equal for equal ones. */
function configKey(config: RetrainConfig): string {
  const { microBatch, accumulation, freezing, checkpoints } = config;
  const { featureExtraction, normalisation, linear, onlyLayers } = freezing;
  const parts = [microBatch, accumulation, featureExtraction, normalisation, linear, checkpoints];
  return JSON.stringify(onlyLayers === undefined ? parts : [...parts, onlyLayers]);
}

/** Marks that a configuration did not fit `memoryBytes`. */
export function markInfeasible(
  marks: InfeasibleConfigs,
  config: RetrainConfig,
  memoryBytes: number,
): InfeasibleConfigs {
  const key = configKey(config);
  const { [key]: before = 0, ...rest } = marks;
  const entries = [...Object.entries(rest), [key, Math.max(before, memoryBytes)] as const];
  return Object.fromEntries(entries.slice(-MAX_MARKS));
}

/** Whether a configuration may be tried with this much memory. */
export function isFeasible(marks: InfeasibleConfigs, config: RetrainConfig, memoryBytes: number): boolean {
  const key = configKey(config);
  const failedAt = Object.hasOwn(marks, key) ? marks[key] : undefined;
  return failedAt === undefined || memoryBytes > failedAt * WORTH_ANOTHER_TRY;
}
