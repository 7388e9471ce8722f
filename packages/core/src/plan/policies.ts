/** How the checkpoints of a candidate came about. */
export type CheckpointKind = "none" | "uniform" | "optimal";

/** What a policy may choose. Whatever the method itself freezes stays frozen under every policy. */
export interface PolicyRules {
  readonly microBatch: "full" | "any";
  readonly freezing: "nothing" | "any";
  readonly checkpoints: readonly CheckpointKind[];
}

export const POLICY_NAMES = [
  "fullBatch",
  "microBatch",
  "freezing",
  "checkpointing",
  "microBatchAndCheckpointing",
  "joint",
] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** The policies that are run side by side. Each chooses the best of what it may choose: none is tuned down. */
export const POLICIES: Readonly<Record<PolicyName, PolicyRules>> = {
  /** Plain training. */
  fullBatch: { microBatch: "full", freezing: "nothing", checkpoints: ["none"] },
  /** Gradient accumulation only. */
  microBatch: { microBatch: "any", freezing: "nothing", checkpoints: ["none"] },
  /** Parameter freezing only. */
  freezing: { microBatch: "full", freezing: "any", checkpoints: ["none"] },
  /** Gradient checkpointing only, in about sqrt(n) uniform segments (Chen et al. 2016). */
  checkpointing: { microBatch: "full", freezing: "nothing", checkpoints: ["uniform"] },
  /** Micro-batches and checkpointing, as Sage (MobiSys 2022) combines them. */
  microBatchAndCheckpointing: { microBatch: "any", freezing: "nothing", checkpoints: ["none", "uniform"] },
  /** All three, chosen together: this project. */
  joint: { microBatch: "any", freezing: "any", checkpoints: ["none", "uniform", "optimal"] },
};
