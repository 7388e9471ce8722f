import type { Checkpoints, FreezingRates, RetrainConfig, UnitAction } from "@mpo/core";
import { list, type MessageField, mapped, message, optional } from "./composed-fields.ts";
import { type Field, refuse } from "./field.ts";
import { integer, share } from "./fields.ts";
import type { FreezingRates__Output } from "./gen/mpo/v1/FreezingRates.ts";
import type { KeepAll__Output } from "./gen/mpo/v1/KeepAll.ts";
import type { RetrainConfig__Output } from "./gen/mpo/v1/RetrainConfig.ts";
import type { UniformSegments__Output } from "./gen/mpo/v1/UniformSegments.ts";
import type { UnitActions__Output } from "./gen/mpo/v1/UnitActions.ts";
import type { UnitBoundaries__Output } from "./gen/mpo/v1/UnitBoundaries.ts";
import { MAX_ACTIONS, MAX_BATCH, MAX_UNITS } from "./limits.ts";

/** A config as it lies on the wire: checkpoints are a `oneof`, of which each choice is a field. */
interface FlatConfig {
  readonly microBatch: number;
  readonly accumulation: number;
  readonly freezing: FreezingRates;
  readonly none?: Record<never, never>;
  readonly uniform?: { readonly segments: number };
  readonly boundaries?: { readonly at: readonly number[] };
  readonly schedule?: { readonly actions: readonly UnitAction[] };
}

export const freezingRates: MessageField<FreezingRates> = message<FreezingRates, FreezingRates__Output>(
  "FreezingRates",
  { featureExtraction: share(), normalisation: share(), linear: share() },
);

/** Kinds of actions by their number on the wire: `unit * 4 + kind`. */
const KINDS: readonly string[] = ["backward", "all", "input", "nothing"];
const packedAction = integer({ min: 0, max: MAX_UNITS * KINDS.length - 1 });
const unitAction: Field<UnitAction> = {
  ...packedAction,
  decode: (wire, path) => {
    const packed = packedAction.decode(wire, path);
    const unit = Math.floor(packed / KINDS.length);
    const kind = KINDS[packed % KINDS.length] as "backward" | "all" | "input" | "nothing";
    return kind === "backward" ? { kind, unit } : { kind: "forward", unit, keep: kind };
  },
  encode: (action, path) => {
    const kind = KINDS.indexOf(action.kind === "backward" ? "backward" : action.keep);
    if (kind < 0) refuse(path, action, "a forward or backward action");
    if (!Number.isInteger(action.unit) || action.unit < 0) refuse(`${path}.unit`, action.unit, "a unit's index");
    return packedAction.encode(action.unit * KINDS.length + kind, path);
  },
};

const batch = integer({ min: 1, max: MAX_BATCH });
const unit = integer({ min: 0, max: MAX_UNITS - 1 });
const flatConfig: MessageField<FlatConfig> = message<FlatConfig, RetrainConfig__Output>("RetrainConfig", {
  microBatch: batch,
  accumulation: batch,
  freezing: freezingRates,
  none: optional(message<Record<never, never>, KeepAll__Output>("KeepAll", {})),
  uniform: optional(
    message<{ readonly segments: number }, UniformSegments__Output>("UniformSegments", {
      segments: integer({ min: 1, max: MAX_UNITS }),
    }),
  ),
  boundaries: optional(
    message<{ readonly at: readonly number[] }, UnitBoundaries__Output>("UnitBoundaries", {
      at: list(unit, { max: MAX_UNITS }),
    }),
  ),
  schedule: optional(
    message<{ readonly actions: readonly UnitAction[] }, UnitActions__Output>("UnitActions", {
      actions: list(unitAction, { max: MAX_ACTIONS }),
    }),
  ),
});

/** Whether boundaries and actions fit a model is for core to say: it knows the chain, the wire does not. */
export const retrainConfig: MessageField<RetrainConfig> = mapped<FlatConfig, RetrainConfig>(
  flatConfig,
  ({ microBatch, accumulation, freezing, ...flat }, path) => ({
    microBatch,
    accumulation,
    freezing,
    checkpoints: onlyCheckpoints(flat, path),
  }),
  ({ microBatch, accumulation, freezing, checkpoints }, path) => ({
    microBatch,
    accumulation,
    freezing,
    ...flatCheckpoints(checkpoints, path),
  }),
);

type FlatCheckpoints = Pick<FlatConfig, "none" | "uniform" | "boundaries" | "schedule">;

function onlyCheckpoints(flat: FlatCheckpoints, path: string): Checkpoints {
  const found: Checkpoints[] = [];
  if (flat.none !== undefined) found.push({ kind: "none" });
  if (flat.uniform !== undefined) found.push({ kind: "uniform", segments: flat.uniform.segments });
  if (flat.boundaries !== undefined) found.push({ kind: "boundaries", at: flat.boundaries.at });
  if (flat.schedule !== undefined) found.push({ kind: "schedule", actions: flat.schedule.actions });
  const [first] = found;
  if (first === undefined || found.length > 1) {
    return refuse(`${path}.checkpoints`, found.length === 0 ? undefined : found, "exactly one of its kinds");
  }
  return first;
}

function flatCheckpoints(checkpoints: Checkpoints, path: string): FlatCheckpoints {
  switch (checkpoints.kind) {
    case "none":
      return { none: {} };
    case "uniform":
      return { uniform: { segments: checkpoints.segments } };
    case "boundaries":
      return { boundaries: { at: checkpoints.at } };
    case "schedule":
      return { schedule: { actions: checkpoints.actions } };
    default:
      return refuse(
        `${path}.checkpoints.kind`,
        (checkpoints as { readonly kind?: unknown }).kind,
        "a kind of checkpoints",
      );
  }
}
