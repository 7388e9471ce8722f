import { type DeviceEstimate, forecastRollout, type Rollout } from "@mpo/core";
import type { Forecast } from "@mpo/protocol";
import { type Fleet, groupOf } from "./fleet-groups.ts";
import type { PlacedDevice } from "./plan-parts.ts";
import { minuteOfDay } from "./time-zones.ts";

/** From a push until a device has taken its document. */
const TAKEN_MS = 2_000;
/** A check starts a worker, which loads the model; the rest of a window's overhead is not its. */
const CHECK_START_MS = 4_000;
const CHECK_STEPS = 4;
const MAX_SLOWEST = 5;
/** A rollout that does not end within this is shown as one that takes so long. */
const HORIZON_MS = 30 * 86_400_000;

/** How a rollout is expected to go, by the machine that will run it. */
export function forecastOf(
  fleet: Fleet,
  tenant: string,
  rollout: Rollout,
  devices: readonly PlacedDevice[],
  nowMs: number,
): Forecast {
  const { spec } = rollout;
  const estimates = new Map(
    devices.map((device) => [device.device.identity.device, estimateOf(fleet, rollout, device)]),
  );
  const groups = spec.disruption === undefined ? new Map() : fleet.groups(tenant, spec.disruption);
  const found = forecastRollout(rollout, (name) => estimates.get(name) as DeviceEstimate, groups, nowMs);
  const away = [...estimates.values()].filter(({ isOnline }) => !isOnline).length;
  const slowest = [...devices]
    .map((one) => ({ one, ms: (estimates.get(one.device.identity.device) as DeviceEstimate).takesMs }))
    .sort((left, right) => right.ms - left.ms)
    .slice(0, MAX_SLOWEST)
    .map(({ one, ms }) => ({
      device: one.device.identity.device,
      ms: Math.round(ms),
      message:
        one.rung === undefined
          ? "it fetches and measures the model first"
          : `a step takes up to ${Math.round(one.rung.stepMs.upper)} ms`,
    }));
  return {
    expectedMs: Math.round(found.expectedMs ?? HORIZON_MS),
    waveEndsMs: found.waveEndsMs.map(Math.round),
    peakDevices: found.peakDevices,
    slowest,
    assumptions: [
      "no device fails, gates and hooks say yes, and people approve at once",
      confirmWords(spec.confirm),
      ...(away === 0 ? [] : [`${away} devices are away now, and get their turn when they are back`]),
      ...(found.expectedMs === undefined ? ["it does not end within 30 days as things stand"] : []),
    ],
  };
}

/** What a probe takes, by the agent's usual settings. */
const PROBE_MS = 120_000;

function confirmWords(confirm: Rollout["spec"]["confirm"]): string {
  switch (confirm) {
    case "applied":
      return "a device takes its document within seconds";
    case "checked":
      return "a device is idle, and checks its document at once";
    case "window":
      return "inputs have drifted, and each device retrains at once";
  }
}

function estimateOf(fleet: Fleet, { spec }: Rollout, { device, rung }: PlacedDevice): DeviceEstimate {
  const { hours, confirm, disruption } = spec;
  const startMs = rung === undefined ? PROBE_MS : Math.min(rung.overheadMs, CHECK_START_MS);
  const stepsMs = CHECK_STEPS * (rung?.stepMs.expected ?? 0);
  const windowMs = rung === undefined ? PROBE_MS : rung.overheadMs + rung.trainingMs;
  const takesMs = TAKEN_MS + { applied: 0, checked: startMs + stepsMs, window: windowMs }[confirm];
  const zone = hours?.zone === "device" ? device.inventory.timeZone : hours?.zone;
  return {
    isOnline: fleet.isOnline(device),
    group: groupOf(disruption, device),
    takesMs,
    minuteOfDay: (atMs) => minuteOfDay(zone, atMs),
  };
}
