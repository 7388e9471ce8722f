import { type LocalJoin, readLocalJoin } from "@mpo/identity";
import { systemClock } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import { adminOf } from "../fleet-access.ts";
import type { KillFleet } from "./kill-fleet.ts";

const LOOK_MS = 300;
const SILENT_SECONDS = 8;

/**
 * Who runs the fleet: uses what the coordinator left for its machine's user, lets in the devices that wait (a store that is
 * lost knows neither them nor their tokens), and decides which of two machines of one name is the device.
 */
export class FleetOperator {
  readonly admin: AdminClient;
  readonly #fleet: KillFleet;
  #local: LocalJoin;
  #accepted = 0;

  private constructor(fleet: KillFleet, local: LocalJoin) {
    this.#fleet = fleet;
    this.#local = local;
    this.admin = adminOf([fleet.grpcTargets[0] as string], () => this.#local);
  }

  /** Waits until the coordinator has started for the first time. */
  static async start(fleet: KillFleet, signal: AbortSignal): Promise<FleetOperator> {
    for (;;) {
      const local = await readLocalJoin(fleet.localJoinFile, { signal }).catch(() => undefined);
      if (local !== undefined) return new FleetOperator(fleet, local);
      await systemClock.sleep(LOOK_MS, { signal });
    }
  }

  /** How often a device was let in by hand. */
  get accepted(): number {
    return this.#accepted;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look(signal).catch(() => undefined);
      await systemClock.sleep(LOOK_MS, { signal }).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    this.#local = await readLocalJoin(this.#fleet.localJoinFile, { signal });
    const waiting = { tenant: "default", state: "pending", pageSize: 100 } as const;
    const { enrolments } = await this.admin.listEnrolments(waiting, { signal });
    for (const { identity, keyDigest } of enrolments) {
      await this.admin.decideEnrolment({ identity, keyDigest, decision: "accepted", reason: "it is ours" }, { signal });
      this.#accepted += 1;
    }
    await this.#decideDoubles(signal);
  }

  /** Once the second machine of a name is off, the one that is still heard of is the device. */
  async #decideDoubles(signal: AbortSignal): Promise<void> {
    const { devices } = await this.admin.listDevices({ tenant: "default", pageSize: 100 }, { signal });
    for (const { identity, conditions } of devices) {
      const { message = "" } = conditions.find(({ code }) => code === "doubled") ?? {};
      const heard = [...message.matchAll(/agent (\w+)[^)]*heard of (\d+) s ago/gu)]
        .map(([, agent = "", seconds]) => ({ agent, seconds: Number(seconds) }))
        .toSorted((one, other) => one.seconds - other.seconds);
      const [newer, older] = heard;
      if (newer === undefined || older === undefined || older.seconds - newer.seconds < SILENT_SECONDS) continue;
      await this.admin.decideDevice({ identity, keep: newer.agent, reason: "the other one is off" }, { signal });
    }
  }
}
