import { given, MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { StoreCallOptions } from "@mpo/transport";
import type { Audit } from "../events/audit.ts";
import { type DeviceRecord, withProbesAsked } from "./device-record.ts";
import type { Registry } from "./registry.ts";

interface AskParts {
  readonly registry: Pick<Registry, "change">;
  readonly audit: Pick<Audit, "log">;
  readonly clock: Clock;
}

/** Asks a device, with its next heartbeat, to report again all that it has reported of itself. Returns when, by `clock`. */
export async function askToReport(
  { registry, audit, clock }: AskParts,
  { identity }: DeviceRecord,
  signal: AbortSignal,
): Promise<number> {
  const refreshAskedAtMs = clock.now();
  await registry.change(identity, (record) => ({ ...record, refreshAskedAtMs }), { signal });
  await audit.log({ kind: "refresh-asked", identity, actor: "admin", message: "" });
  return refreshAskedAtMs;
}

/**
 * Asks a device, with its next heartbeat, to measure a model again, or all that it serves. Returns their names. Throws
 * `not-found` when it serves none such.
 */
export async function askToProbe(
  { registry, audit, clock }: AskParts,
  { identity, models }: DeviceRecord,
  { model, actor }: { readonly model?: string | undefined; readonly actor: string },
  { signal }: StoreCallOptions,
): Promise<readonly string[]> {
  const names = models.map(({ name }) => name).filter((name) => model === undefined || name === model);
  if (names.length === 0) {
    const what = model === undefined ? "serves no model" : `does not serve ${model}`;
    throw new MpoError("not-found", `device ${identity.device} ${what}`, {
      hint: `See what it serves: mpo devices show ${identity.device}.`,
    });
  }
  const askedAtMs = clock.now();
  await registry.change(identity, (record) => withProbesAsked(record, names, askedAtMs), given({ signal }));
  await audit.log({ kind: "probe-asked", identity, actor, message: names.join(", ") });
  return names;
}
