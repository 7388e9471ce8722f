import { MpoError } from "@mpo/core";
import type { DeviceIdentity, EnrolmentState } from "@mpo/protocol";
import type { EnrolmentRecord } from "./enrolment-record.ts";
import type { JoinTokenRecord } from "./join-tokens.ts";

const DAY_MS = 86_400_000;

export interface EnrolmentPolicy {
  /** A device whose certificate ended is let in again by its old key for so long after; then it waits as pending. */
  readonly renewAfterEndMs: number;
  /** How often a device that waits asks again, seconds. */
  readonly askAgainSeconds: number;
}

export const DEFAULT_ENROLMENT_POLICY: EnrolmentPolicy = { renewAfterEndMs: 90 * DAY_MS, askAgainSeconds: 10 };

/** More devices than that wait for nobody: others are told to come back. */
export const MAX_PENDING = 10_000;

/** A device that asks: its name, its key, and what lets it in. */
export interface Asking {
  readonly identity: DeviceIdentity;
  readonly keyDigest: string;
  readonly token: JoinTokenRecord | undefined;
}

/** What becomes of a device that asks. */
export interface EnrolmentVerdict {
  readonly state: EnrolmentRecord["state"];
  /** Whether a use of its token is spent on that. */
  readonly usesToken: boolean;
}

/**
 * Judges a device that asks, by what is known of its name. Throws `permission-denied` for one that was rejected or revoked,
 * `already-exists` for the name of another, `over-budget` when too many wait.
 */
export function judgeEnrolment(
  before: EnrolmentRecord | undefined,
  asking: Asking,
  {
    nowMs,
    renewAfterEndMs,
    isFull,
  }: { readonly nowMs: number; readonly renewAfterEndMs: number; readonly isFull: boolean },
): EnrolmentVerdict {
  const { identity, keyDigest, token } = asking;
  const byToken = token?.isAccepting === true ? "accepted" : "pending";
  const who = `device ${identity.device} of tenant ${identity.tenant}`;
  if (before === undefined) {
    if (token === undefined && isFull) {
      throw new MpoError("over-budget", `${MAX_PENDING} devices wait to be accepted already`, {
        hint: "Accept or reject some: mpo devices pending. A device with a token need not wait.",
      });
    }
    return { state: byToken, usesToken: token !== undefined };
  }
  if (before.keyDigest !== keyDigest) {
    // Only who was meant by name may take it over: a token for many would let one device become another. Who only waits
    // has no name yet: else whoever asks first could keep names from those who are expected.
    const hasOnlyAsked = before.state === "pending" && before.issued === 0;
    if (token !== undefined && (hasOnlyAsked || token.device === identity.device)) {
      return { state: byToken, usesToken: true };
    }
    throw new MpoError("already-exists", `${who} has another key`, {
      hint:
        `If this is the same device with a new disk: mpo token create --device ${identity.device}, and join with that. ` +
        "If it is another one, give it another name with --device.",
    });
  }
  switch (before.state) {
    case "rejected":
    case "revoked":
      if (token?.device === identity.device) return { state: byToken, usesToken: true };
      throw turnedAway(who, before.state);
    case "pending":
      return { state: byToken, usesToken: token !== undefined };
    case "preauthorised":
      return { state: "accepted", usesToken: false };
    case "accepted": {
      const endedMs = nowMs - (before.certificateEndsAtMs ?? Number.POSITIVE_INFINITY);
      if (endedMs <= renewAfterEndMs) return { state: "accepted", usesToken: false };
      return { state: byToken, usesToken: token !== undefined };
    }
  }
}

export function turnedAway(who: string, state: EnrolmentState): MpoError {
  return new MpoError("permission-denied", `${who} is ${state}`, {
    hint: "An admin can let it in again: mpo devices accept.",
  });
}
