import { type DeviceProgress, MpoError, type RolloutAction, type RolloutSpec } from "@mpo/core";
import { type Clock, forEachBounded, isAbortError } from "@mpo/io";
import { asLine } from "@mpo/protocol";
import { isTransient, type Logger } from "@mpo/runtime";
import { Recent } from "../search/recent.ts";
import { isConflict } from "../store/change-entry.ts";
import type { LedDevices, Place } from "./led-devices.ts";
import { type ActionParts, giveChange, takeChangeBack } from "./rollout-actions.ts";
import type { PlanPart } from "./rollout-record.ts";
import type { PlanName, RolloutStore } from "./rollout-store.ts";

export interface TurnParts extends ActionParts {
  readonly store: RolloutStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Devices that are given their turn at once: nearly all the time of one goes by until the store has answered. */
const LANES = 16;
/** Turns of one step end after so long; what is left is asked for again by the next. */
const SLICE_MS = 1_000;

/** Gives devices their changes, or what they had before, as steps of a rollout say it. */
export class TakeTurns {
  readonly #parts: TurnParts;
  readonly #spec: RolloutSpec;
  readonly #plan: PlanName;
  readonly #devices: LedDevices;
  readonly #recent = new Recent<PlanPart>(32);
  /** Why a turn could not be done, by device and attempt. */
  readonly #troubles = new Map<string, string>();

  constructor(parts: TurnParts, spec: RolloutSpec, plan: PlanName, devices: LedDevices) {
    this.#parts = parts;
    this.#spec = spec;
    this.#plan = plan;
    this.#devices = devices;
  }

  /** Why a device's turn could not be done, in words; undefined: it could, or was not tried. */
  trouble(device: string): string | undefined {
    return this.#troubles.get(keyOf(this.#devices.get(device)));
  }

  /** Does what a step asks for, for a while. The result is whether some of it is left. */
  async take(actions: readonly RolloutAction[], signal: AbortSignal): Promise<boolean> {
    const turns = actions.flatMap((action) => (action.kind === "give" || action.kind === "take-back" ? [action] : []));
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + SLICE_MS;
    let isLeft = false;
    await forEachBounded(turns.length, LANES, async (index) => {
      const { device, kind } = turns[index] as (typeof turns)[number];
      const progress = this.#devices.get(device);
      if (progress === undefined || this.#troubles.has(keyOf(progress))) return;
      if (clock.monotonicMs() >= endMs) {
        isLeft = true;
        return;
      }
      const next = await this.#one(kind, progress, signal);
      if (next !== undefined) this.#devices.set(next);
    });
    return isLeft;
  }

  async #one(
    kind: "give" | "take-back",
    progress: DeviceProgress,
    signal: AbortSignal,
  ): Promise<DeviceProgress | undefined> {
    const { tenant, plan } = this.#plan;
    const turn = { tenant, plan, spec: this.#spec, progress };
    try {
      if (kind === "take-back") return await takeChangeBack(this.#parts, turn, { signal });
      const { part, at } = this.#devices.placeOf(progress.device) as Place;
      return await giveChange(this.#parts, turn, { part: await this.#part(part, signal), at }, { signal });
    } catch (thrown) {
      if (signal.aborted || isAbortError(thrown)) throw thrown;
      const { logger } = this.#parts;
      const facts = { rollout: this.#spec.name, deviceId: progress.device, kind, err: thrown };
      if (isTransient(thrown) || isConflict(thrown)) {
        logger.debug("a device's turn is tried again", facts);
        return undefined;
      }
      logger.warn("a device's turn cannot be done", facts);
      this.#troubles.set(keyOf(progress), asLine(MpoError.from(thrown).message));
      return undefined;
    }
  }

  async #part(index: number, signal: AbortSignal): Promise<PlanPart> {
    const known = this.#recent.get(`${index}`);
    if (known !== undefined) return known;
    const part = await this.#parts.store.part(this.#plan, index, { signal });
    this.#recent.set(`${index}`, part);
    return part;
  }
}

function keyOf(progress: DeviceProgress | undefined): string {
  return `${progress?.device} ${progress?.attempts} ${progress?.state}`;
}
