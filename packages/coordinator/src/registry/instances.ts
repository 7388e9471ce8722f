import { type Fact, fact } from "@mpo/core";
import { asLine, type Condition, schemas } from "@mpo/protocol";

const { object, text, timestampMs } = fact;

/** A start of an agent, when it was last heard of by the coordinator's clock, and from where. */
export type Sighting = Fact<typeof sighting>;
const sighting = object({
  instance: schemas.instance,
  lastSeenMs: timestampMs(),
  address: text(0, 128).optional(),
});

/** Who speaks for a device. */
export type Instances = Fact<typeof instancesSchema>;
export const instancesSchema = object({
  /** The one that is configured. */
  accepted: sighting,
  /** The one before it, or its double, until it is silent for long. */
  other: sighting.optional(),
  /** Since when both were heard of in turns. */
  doubledSinceMs: timestampMs().optional(),
});

/** Heartbeats without which an instance counts as gone: one may be lost, and each is jittered. */
export const SILENT_HEARTBEATS = 3;

/**
 * Who speaks for a device after a call. A restart is a new instance, and takes over at once: A, B, C are one machine. Only
 * when A is heard of after B do two run: then A, the first, is accepted again, and B is its double until one of them is
 * silent for long. So a replaced board, or the one that is left of two, takes over on its own.
 */
export function sighted(before: Instances | undefined, now: Sighting, silentMs: number): Instances {
  if (before === undefined) return { accepted: now };
  const { accepted, other, doubledSinceMs } = before;
  const isSilent = (one: Sighting): boolean => now.lastSeenMs - one.lastSeenMs >= silentMs;
  const isThird = other !== undefined && !isSame(other, now);
  if (isSame(accepted, now)) {
    return other === undefined || isSilent(other) ? { accepted: now } : { ...before, accepted: now };
  }
  if (isSilent(accepted)) return isThird && !isSilent(other) ? { ...before, accepted: now } : { accepted: now };
  if (doubledSinceMs === undefined) {
    const isBack = other !== undefined && !isThird;
    return { accepted: now, other: accepted, ...(isBack ? { doubledSinceMs: now.lastSeenMs } : {}) };
  }
  const isRestart = isThird && isOnSameBoot(accepted, now) && !isOnSameBoot(other, now);
  return isRestart ? { ...before, accepted: now } : { ...before, other: now };
}

/** Whether a change is worth a write: while there is one instance only, the time of its heartbeats is stored elsewhere. */
export function isNews(before: Instances | undefined, next: Instances, silentMs: number): boolean {
  const marks = (all: Instances | undefined): string =>
    JSON.stringify([idOf(all?.accepted), idOf(all?.other), all?.doubledSinceMs]);
  if (before === undefined || marks(before) !== marks(next)) return true;
  const olderMs = (left?: Sighting, right?: Sighting): number => (right?.lastSeenMs ?? 0) - (left?.lastSeenMs ?? 0);
  const ageMs = Math.max(olderMs(before.accepted, next.accepted), olderMs(before.other, next.other));
  return next.other !== undefined && ageMs > silentMs / (2 * SILENT_HEARTBEATS);
}

export function isSame(left: Sighting, right: Sighting): boolean {
  return idOf(left) === idOf(right);
}

/** An instance for people. */
export function inWords({ instance: { instanceId, machineId, bootId }, address }: Sighting): string {
  const marks = [
    ...(machineId === undefined ? [] : [`machine ${machineId.slice(0, 8)}`]),
    ...(bootId === undefined ? [] : [`boot ${bootId.slice(0, 8)}`]),
    `agent ${instanceId}`,
    ...(address === undefined ? [] : [`at ${address}`]),
  ];
  return marks.join(" ");
}

/** What a person should do about a double; empty: there is none. */
export function doubledCondition(instances: Instances | undefined, nowMs: number): readonly Condition[] {
  const { accepted, other, doubledSinceMs } = instances ?? {};
  if (accepted === undefined || other === undefined || doubledSinceMs === undefined) return [];
  const seen = (one: Sighting): string =>
    `${inWords(one)}, heard of ${Math.max(0, Math.round((nowMs - one.lastSeenMs) / 1000))} s ago`;
  const message = `two agents run under this name: (${seen(accepted)}) is configured, (${seen(other)}) is kept apart; give one of them another --device NAME, or stop it`;
  return [{ code: "doubled", sinceMs: doubledSinceMs, message: asLine(message) }];
}

function idOf(one: Sighting | undefined): string | undefined {
  return one?.instance.instanceId;
}

function isOnSameBoot({ instance: left }: Sighting, { instance: right }: Sighting): boolean {
  return left.machineId === right.machineId && left.bootId === right.bootId;
}
