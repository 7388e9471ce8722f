import type { DeviceIdentity, ProbeFailure } from "@mpo/protocol";
import type { DeviceCounts } from "../http/metrics.ts";
import type { ProfileName } from "../profiles/profile-service.ts";
import { DeviceNow, type NowParts } from "./device-now.ts";
import { hasArrived } from "./pending-document.ts";
import type { Registry } from "./registry.ts";

export interface CountParts extends NowParts {
  readonly registry: Pick<Registry, "devices" | "seen">;
  readonly statuses: NowParts["statuses"] & { failures(identity: DeviceIdentity): readonly ProbeFailure[] };
  readonly profiles: {
    facts(name: ProfileName): { readonly value: { readonly receivedAtMs: number } } | undefined;
  };
  /** When a device's certificate ends; undefined: it has none of ours. */
  readonly certificateEndsMs?: ((identity: DeviceIdentity) => number | undefined) | undefined;
  /** How long certificates are good. */
  readonly certificateValidMs: number;
}

/** A device tries again by itself: this often, and it is likely to go on so. */
const FAILURES_IN_A_ROW = 3;
/** Devices renew at half of its time, and try again many times before this. */
const LATE_SHARE = 0.25;

/** How many devices are there, away, and there without their newest document. Takes time in proportion to the fleet. */
export function countDevices(parts: CountParts): DeviceCounts {
  const conditions = new Map<string, number>();
  const counts = { online: 0, offline: 0, behind: 0, probeFailing: 0, certificateLate: 0 };
  for (const device of parts.registry.devices()) {
    const now = new DeviceNow(parts, device);
    counts[now.isOnline ? "online" : "offline"] += 1;
    for (const code of new Set(now.conditions.map((one) => one.code)))
      conditions.set(code, (conditions.get(code) ?? 0) + 1);
    const said = { applied: now.seen.appliedVersion, reported: now.reported };
    if (now.isOnline && now.desired !== undefined && !hasArrived(now.desired.version, said)) counts.behind += 1;
    if (areProbesFailing(parts, device.identity)) counts.probeFailing += 1;
    if (now.isOnline && isCertificateLate(parts, device.identity)) counts.certificateLate += 1;
  }
  return { ...counts, conditions };
}

function areProbesFailing({ statuses, profiles }: CountParts, identity: DeviceIdentity): boolean {
  return statuses.failures(identity).some(({ model, failures, receivedAtMs = 0 }) => {
    const measuredMs = profiles.facts({ identity, model })?.value.receivedAtMs ?? 0;
    return failures >= FAILURES_IN_A_ROW && measuredMs < receivedAtMs;
  });
}

function isCertificateLate(parts: CountParts, identity: DeviceIdentity): boolean {
  const endsMs = parts.certificateEndsMs?.(identity);
  return endsMs !== undefined && endsMs - parts.presenceMs() < LATE_SHARE * parts.certificateValidMs;
}
