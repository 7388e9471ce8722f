import { setMaxListeners } from "node:events";
import { hasCode, SECOND_MS } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { linkSignals, systemClock } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import { deviceName, FLEET_MODEL, FLEET_TENANT } from "./fleet-messages.ts";
import { type SimulatedFleet, until, type WaitOptions } from "./simulated-fleet.ts";

export interface PushOptions extends Pick<WaitOptions, "signal" | "onProgress" | "patienceMs"> {
  readonly fleet: SimulatedFleet;
  readonly admin: AdminClient;
  readonly agents: number;
  readonly pushes: number;
  readonly perSecond: number;
  readonly seed: number;
}

const AGAIN_MS = 200;

interface Pushed {
  readonly device: number;
  readonly version: number;
  readonly issuedAtMs: number;
}

/**
 * Pushes configurations at a steady rate to devices that a seed draws. Returns for each push how long it took from the
 * making of the document to the device's saying that it runs by it, in milliseconds: all processes share one clock.
 */
export async function pushPhase(options: PushOptions): Promise<readonly number[]> {
  const { fleet, admin, agents, pushes, perSecond, seed } = options;
  using linked = linkSignals(options.signal);
  const { signal } = linked;
  // Every call under way listens.
  setMaxListeners(0, signal);
  const random = createRandom(seed);
  const beganMs = performance.now();
  const calls: Promise<Pushed>[] = [];
  for (let index = 0; index < pushes; index++) {
    const aheadMs = (index / perSecond) * SECOND_MS - (performance.now() - beganMs);
    if (aheadMs > 0) await systemClock.sleep(aheadMs, { signal });
    signal.throwIfAborted();
    const call = push(admin, random.integer(agents), signal);
    call.catch(() => undefined);
    calls.push(call);
  }
  const pushed = await Promise.all(calls);
  await until({
    ...options,
    what: "pushed configurations seen by agents",
    goal: pushes,
    progress: () => pushed.filter(({ device, version }) => fleet.newestVersion(device) >= version).length,
  });
  return pushed.flatMap(({ device, version, issuedAtMs }) => {
    const atMs = fleet.appliedAtMs(device, version);
    // Overtaken by a newer one for the same device.
    return atMs === undefined ? [] : [Math.max(0, atMs - issuedAtMs)];
  });
}

async function push(admin: AdminClient, device: number, signal: AbortSignal): Promise<Pushed> {
  const identity = { tenant: FLEET_TENANT, device: deviceName(device) };
  for (;;) {
    try {
      const { document } = await admin.pushConfig({ identity, model: FLEET_MODEL, reason: "bench" }, { signal });
      return { device, version: document.version.version, issuedAtMs: document.issuedAtMs };
    } catch (thrown) {
      // Another push for the same device came first; or the coordinator is late, and takes on no more for now.
      if (!hasCode(thrown, "conflict", "unavailable")) throw thrown;
      if (hasCode(thrown, "unavailable")) await systemClock.sleep(AGAIN_MS, { signal });
    }
  }
}
