import type { DeviceProgress, Hook, RolloutState } from "./rollout-state.ts";
import type { RolloutSpec } from "./spec.ts";

/** A rollout as it stands. */
export interface Rollout {
  readonly spec: RolloutSpec;
  readonly state: RolloutState;
  /** In the order of their turn: wave by wave. */
  readonly devices: readonly DeviceProgress[];
}

/** How far a device has come with a document. */
export type Outcome = "applied" | "checked" | "window" | "failed" | "refused" | "superseded";

/** What is known of a device now. */
export interface DeviceFacts {
  readonly isOnline: boolean;
  /** Does its work: nothing is known to be wrong with it. */
  readonly servesWell: boolean;
  /** Its value of the label that the disruption budget counts by; empty without one. */
  readonly group: string;
  /** Of its day, by the zone that the rollout's hours are of; undefined: not known. */
  readonly minuteOfDay: number | undefined;
  /** What became of the document that it was given last; undefined: nothing is known. */
  readonly outcome?: Outcome | undefined;
  /** Why, in words; of one that has not shown all yet, what may hold it up. */
  readonly message?: string | undefined;
}

/** Devices of one value of a label. */
export interface GroupFacts {
  readonly size: number;
  /** Of them, those that do not serve well. */
  readonly unavailable: number;
}

/** What a step looks at. */
export interface RolloutFacts {
  /** By the coordinator's clock. */
  readonly nowMs: number;
  of(device: string): DeviceFacts;
  /** All devices of the tenant, by `DeviceFacts.group`. */
  groups(): ReadonlyMap<string, GroupFacts>;
}

/**
 * What is to be done. `give` and `take-back` are asked for again with every step until the device has a document
 * (`withGiven`), `measure` until there is a measurement (`withMeasurement`), `hook` until it says yes (`withHookPassed`):
 * whoever does it may fail, or repeat it.
 */
export type RolloutAction =
  | { readonly kind: "give" | "take-back"; readonly device: string; readonly attempt: number }
  | { readonly kind: "measure"; readonly gate: string; readonly wave: number }
  | { readonly kind: "hook"; readonly hook: Hook; readonly wave: number }
  | { readonly kind: "log"; readonly event: string; readonly message: string };

/** What a step has changed. */
export interface RolloutStep {
  readonly state: RolloutState;
  /** Only devices that have changed. */
  readonly changed: readonly DeviceProgress[];
  readonly actions: readonly RolloutAction[];
}
