import { ANY_METHOD, given, type MethodName, MpoError, methodsOf, type Profile, type RetrainConfig } from "@mpo/core";
import type { KeptFacts } from "../documents/document-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import { missing } from "./planner-sources.ts";
import type { PlanWish } from "./wishes.ts";

/** Methods that a search may choose from, and the one that the document is bound to. */
export interface AllowedMethods {
  /** Absent: nothing was measured yet. */
  readonly methods?: readonly MethodName[];
  readonly method?: MethodName;
}

/**
 * Which of the profile's methods a device may be given. One that a person or a rollout names, or named before, is the only
 * one; else those that the device says it may run. A device that does not say, of a release that ignores what a rung
 * says, has none but the profile's own. Throws `precondition-failed` where the profile has none of them.
 */
export function allowedMethods(
  wish: Pick<PlanWish, "model" | "method">,
  ofModel: Pick<KeptFacts, "method"> | undefined,
  device: Pick<DeviceRecord, "methods">,
  profile: Profile | undefined,
): AllowedMethods {
  const wanted = wish.method === ANY_METHOD ? undefined : wish.method;
  const before = wish.method === ANY_METHOD ? undefined : ofModel?.method;
  if (profile === undefined) return given({ method: wanted ?? before });
  const known = methodsOf(profile);
  // A person who searches again is not held by what the last document was for.
  const kept = before !== undefined && known.includes(before) ? before : undefined;
  const method = wanted ?? kept;
  if (method !== undefined) {
    if (known.includes(method)) return { methods: [method], method };
    throw missing(`the profile of ${wish.model} is for ${known.join(", ")}, and the document is to be for ${method}`);
  }
  const runs = device.methods ?? known.slice(0, 1);
  const methods = known.filter((one) => runs.includes(one));
  if (methods.length > 0) return { methods };
  throw missing(`the profile of ${wish.model} is for ${known.join(", ")}, and the device adapts by ${runs.join(", ")}`);
}

/**
 * Throws `unsupported` for a configuration that the device's release would run as another: those that do not say their methods
 * know of no single layers, and would train them all.
 */
export function requireUnderstood(
  config: RetrainConfig | undefined,
  { identity, inventory, methods }: Pick<DeviceRecord, "identity" | "inventory" | "methods">,
): void {
  if (methods !== undefined || config?.freezing.onlyLayers === undefined) return;
  throw new MpoError(
    "unsupported",
    `the agent of ${identity.device} (${inventory.agentVersion}) cannot train single layers: it would train them all`,
    { hint: "Upgrade its agent, or leave out which layers train." },
  );
}
