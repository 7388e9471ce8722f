import { type Fact, fact, given, MpoError } from "@mpo/core";
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
  /** Since when it is; absent: since the device enrolled. */
  acceptedSinceMs: timestampMs().optional(),
  /** The one before it, until it is silent for long; or its double, which is parked. */
  other: sighting.optional(),
  /** Since when it is known that there are two, and nobody has decided. */
  doubledSinceMs: timestampMs().optional(),
  /** When a person decided which of the two is the device. */
  decidedAtMs: timestampMs().optional(),
});

/** Heartbeats without which an instance counts as gone: one may be lost, and each is jittered. */
export const SILENT_HEARTBEATS = 3;

/**
 * Who speaks for a device after a call. A restart is a new instance, and takes over at once: A, B, C are one machine. There
 * are two when A is heard of after B, or when B continues from where A was continued from already (a copied disk, also
 * one that runs only while the other does not). Then the later one is parked until a person decides, with all its
 * restarts. A replaced board takes over when the other was silent for long.
 */
export function sighted(before: Instances | undefined, now: Sighting, silentMs: number): Instances {
  if (before === undefined) return { accepted: now };
  const { accepted, acceptedSinceMs, other } = before;
  const isSilent = (one: Sighting): boolean => now.lastSeenMs - one.lastSeenMs >= silentMs;
  const takesOver = { accepted: now, acceptedSinceMs: now.lastSeenMs };
  const isLeft = other === undefined || (!isParked(before) && isSilent(other));
  if (isSame(accepted, now)) {
    const heard = { accepted: again(accepted, now), ...given({ acceptedSinceMs }) };
    return isLeft ? heard : { ...before, ...heard };
  }
  const isFormer = accepted.instance.earlierIds?.includes(now.instance.instanceId) ?? false;
  const mayBeFormer = isFormer || (other !== undefined && isSame(other, now) && isUncounted(accepted, now));
  // What one start has sent may come after the next one's hello. One that still runs is heard of again.
  if (mayBeFormer && now.lastSeenMs - (acceptedSinceMs ?? 0) < silentMs / SILENT_HEARTBEATS) return before;
  if (isParked(before) && other !== undefined) {
    const line = lineOf(before, now);
    if (line === "other") return { ...before, other: isSame(other, now) ? again(other, now) : now };
    if (line === "accepted" || isSilent(accepted)) return { ...before, ...takesOver };
    return parking(before, now);
  }
  const isRestart = now.instance.earlierIds?.includes(accepted.instance.instanceId) ?? false;
  if (!isRestart && !isFormer && isCopy(accepted, now)) return parking(before, now);
  const isBack = isFormer || (other !== undefined && isSame(other, now) && !isSilent(accepted));
  if (isSilent(accepted) && !isBack) return isLeft || isSame(other, now) ? takesOver : { ...before, ...takesOver };
  return { ...takesOver, other: accepted, ...(isBack ? { doubledSinceMs: now.lastSeenMs } : {}) };
}

/** Whether one of two is kept apart. */
function isParked({ doubledSinceMs, decidedAtMs }: Instances): boolean {
  return doubledSinceMs !== undefined || decidedAtMs !== undefined;
}

function parking({ decidedAtMs: _, ...before }: Instances, now: Sighting): Instances {
  return { ...before, other: now, doubledSinceMs: before.doubledSinceMs ?? now.lastSeenMs };
}

/** The same start, heard of again: only its hello says from what it continues. */
function again(before: Sighting, now: Sighting): Sighting {
  return { ...now, instance: { ...before.instance, ...now.instance } };
}

/** Whose restart it is: by the nearest start before it, else by the machine and its boot. */
function lineOf({ accepted, other }: Instances, now: Sighting): "accepted" | "other" | undefined {
  if (other === undefined) return undefined;
  if (isSame(other, now)) return "other";
  const { earlierIds = [] } = now.instance;
  const places = [accepted, other].map(({ instance }) => earlierIds.indexOf(instance.instanceId));
  const [mine = -1, others = -1] = places.map((place) => (place < 0 ? Number.POSITIVE_INFINITY : place));
  if (mine !== others) return mine < others ? "accepted" : "other";
  const [isMyBoot, isOthersBoot] = [isOnSameBoot(accepted, now), isOnSameBoot(other, now)];
  if (isMyBoot === isOthersBoot) return undefined;
  return isMyBoot ? "accepted" : "other";
}

/** Whether two starts are of one boot, and one of them could not write down that it was. */
function isUncounted(one: Sighting, other: Sighting): boolean {
  return isOnSameBoot(one, other) && [one, other].some(({ instance }) => instance.startCount === 0);
}

/** Whether two starts are of two copies of one data folder: they come from the same starts, or one was counted before. */
function isCopy({ instance: accepted }: Sighting, { instance: now }: Sighting): boolean {
  if (!accepted.startCount || !now.startCount) return false;
  const isCounted = now.startCount > 1 && now.startCount <= accepted.startCount;
  return isCounted || (now.earlierIds ?? []).some((id) => accepted.earlierIds?.includes(id));
}

/** What a person has decided: the one whose instance begins so is the device. Throws `precondition-failed`. */
export function decided(before: Instances | undefined, keep: string, nowMs: number): Instances {
  const { accepted, other } = before ?? {};
  if (before === undefined || accepted === undefined || other === undefined || !isParked(before)) {
    throw new MpoError("precondition-failed", "there are no two agents under this name");
  }
  const [kept, ...more] = [accepted, other].filter(({ instance }) => instance.instanceId.startsWith(keep));
  if (kept === undefined || more.length > 0) {
    const expected = `${accepted.instance.instanceId} or ${other.instance.instanceId}`;
    throw new MpoError("precondition-failed", `the instance is ${keep}; expected ${expected}`, {
      hint: "A restart has another one: look again with mpo devices show.",
    });
  }
  return { accepted: kept, acceptedSinceMs: nowMs, other: kept === accepted ? other : accepted, decidedAtMs: nowMs };
}

/** Whether a change is worth a write: while there is one instance only, the time of its heartbeats is stored elsewhere. */
export function isNews(before: Instances | undefined, next: Instances, silentMs: number): boolean {
  const marks = (all: Instances | undefined): string =>
    JSON.stringify([idOf(all?.accepted), idOf(all?.other), all?.doubledSinceMs, all?.decidedAtMs]);
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
  const message = `two agents run under this name: (${seen(accepted)}) is configured, (${seen(other)}) is parked; decide: mpo devices decide NAME --keep AGENT`;
  return [{ code: "doubled", sinceMs: doubledSinceMs, message: asLine(message) }];
}

function idOf(one: Sighting | undefined): string | undefined {
  return one?.instance.instanceId;
}

function isOnSameBoot({ instance: left }: Sighting, { instance: right }: Sighting): boolean {
  return left.machineId === right.machineId && left.bootId === right.bootId;
}
