import { type DeviceProgress, FAILED_STATES, given, type RolloutAction, type RolloutFacts } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import { FLEET } from "../api/identity-api.ts";
import type { Audit } from "../events/audit.ts";
import type { RolloutName } from "./rollout-store.ts";

/** Single devices that a step writes events of. */
const MAX_EVENTS = 20;

/** Something that a person should hear of one device. */
export interface DeviceNews {
  readonly device: string;
  /** "failed": becomes the event "rollout-device-failed". */
  readonly kind: string;
  readonly message: string;
}

export interface StepNews {
  readonly actions: readonly RolloutAction[];
  readonly devices: readonly DeviceNews[];
  /** Why the rollout has come to be in conflict; absent: it has not. */
  readonly conflict: string | undefined;
}

/** Writes events of a step: of waves each, of devices only what went wrong, and of many only some. */
export async function logStep(
  { audit, logger }: { readonly audit: Pick<Audit, "log">; readonly logger: Logger },
  { name, tenant }: RolloutName,
  { actions, devices, conflict }: StepNews,
): Promise<void> {
  const log = async (kind: string, message: string, device?: string): Promise<void> => {
    const identity = device === undefined ? { ...FLEET, tenant } : { tenant, device };
    logger.info("a rollout has moved", { rollout: name, kind, message, ...given({ deviceId: device }) });
    const words = message === "" ? name : `${name}: ${message}`;
    await audit.log({ kind, identity, actor: "coordinator", message: words });
  };
  for (const action of actions) if (action.kind === "log") await log(action.event, action.message);
  if (conflict !== undefined) await log("rollout-conflicted", conflict);
  for (const { device, kind, message } of devices.slice(0, MAX_EVENTS))
    await log(`rollout-device-${kind}`, message, device);
  const more = devices.length - MAX_EVENTS;
  if (more > 0) await log("rollout-devices-failed", `${more} more devices: mpo rollout show ${name}`);
}

/** What went wrong with a device, also where it is tried again or given back what it had in the same step. */
export function failureOf(
  before: DeviceProgress | undefined,
  { device, state, message }: DeviceProgress,
  facts: RolloutFacts,
): readonly DeviceNews[] {
  if (before?.state !== "in-progress" && before?.state !== "rolling-back") return [];
  const { outcome, message: why = "" } = facts.of(device);
  if (outcome === "failed" || outcome === "refused" || outcome === "superseded")
    return [{ device, kind: outcome, message: why }];
  return FAILED_STATES.includes(state) ? [{ device, kind: state, message }] : [];
}
