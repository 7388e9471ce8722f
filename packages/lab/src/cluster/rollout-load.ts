import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { AdminClient, StateStore } from "@mpo/transport";
import { FLEET_MODEL, FLEET_TENANT } from "../bench/fleet/fleet-messages.ts";
import { followRollouts } from "../promises/follow-rollouts.ts";
import { RolloutHistory } from "../promises/rollout-history.ts";

export interface RolloutLoad {
  readonly store: StateStore;
  readonly admin: AdminClient;
  readonly agents: number;
  /** Its devices have their turns over most of this. */
  readonly maxMs: number;
  readonly signal: AbortSignal;
}

const NAME = "through-it-all";
const SHARE_OF_TIME = 0.6;
const AT_REST = ["completed", "stopped", "rolled-back"];
const PATIENCE_MS = 300_000;
const LOOK_MS = 100;

/** One rollout over all devices, while everything else goes on. */
export class RolloutThrough {
  readonly history = new RolloutHistory({
    ...{ nowMs: () => systemClock.monotonicMs(), siteOf: () => "", isAway: () => false, isInOrder: false },
  });
  /** Ends with the signal. */
  readonly following: Promise<void>;
  readonly #load: RolloutLoad;

  constructor(load: RolloutLoad, signal: AbortSignal) {
    this.#load = load;
    this.following = followRollouts(load.store, this.history, signal);
  }

  async start(): Promise<void> {
    const { admin, agents, maxMs, signal } = this.#load;
    const spec = {
      ...{ name: NAME, model: FLEET_MODEL, change: { rule: { memory: "300MiB" } } },
      waves: [
        { count: Math.ceil(agents / 20), dwell: "2s" },
        { percent: "40%", dwell: "2s" },
      ],
      // People push to some of its devices meanwhile.
      success: "50%",
      retries: 2,
      rate: { perMinute: Math.ceil((agents * 60_000) / (SHARE_OF_TIME * maxMs)) },
      timeouts: { device: "5min", offline: "5min" },
    };
    await admin.planRollout({ tenant: FLEET_TENANT, spec: JSON.stringify(spec), reason: "" }, { signal });
    const starting = { tenant: FLEET_TENANT, name: NAME, command: "start", reason: "" } as const;
    await admin.changeRollout(starting, { signal });
  }

  get phase(): string {
    return this.history.rollout(NAME)?.record.state.phase ?? "planned";
  }

  /** Waits until it is over, and holds it against what was promised. Returns everything that does not hold. */
  async check(): Promise<readonly string[]> {
    const { admin, agents, signal } = this.#load;
    const endMs = systemClock.monotonicMs() + PATIENCE_MS;
    while (!AT_REST.includes(this.phase)) {
      if (systemClock.monotonicMs() > endMs) {
        const { rollout } = await admin.getRollout({ tenant: FLEET_TENANT, name: NAME }, { signal });
        throw new MpoError("timed-out", `the rollout does not end: ${rollout.waitsFor ?? this.phase}`);
      }
      await systemClock.sleep(LOOK_MS, { signal });
    }
    const known = this.history.rollout(NAME)?.devices.size;
    if (known !== agents) this.history.fail(`${known} of ${agents} devices are known to the rollout`);
    if (this.phase !== "completed") this.history.fail(`the rollout is ${this.phase}, and not completed`);
    this.history.checkAtRest(NAME, () => undefined);
    return this.history.problems;
  }
}
