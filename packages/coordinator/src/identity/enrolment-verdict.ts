import { MpoError } from "@mpo/core";
import type { DeviceIdentity, EnrolmentState } from "@mpo/protocol";
import { type EnrolmentRecord, hasOnlyAsked } from "./enrolment-record.ts";
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

interface EnrolmentTimes {
  readonly nowMs: number;
  readonly renewAfterEndMs: number;
}

/** Whether a device of the same key is let in by it alone: a token counts for nothing then, good or not. */
export function needsNoToken(
  { state, certificateEndsAtMs = Number.POSITIVE_INFINITY }: EnrolmentRecord,
  { nowMs, renewAfterEndMs }: EnrolmentTimes,
): boolean {
  return state === "preauthorised" || (state === "accepted" && nowMs - certificateEndsAtMs <= renewAfterEndMs);
}

/**
 * Who a device is: what its key is known as, else what its token says, else what it says. Throws `already-exists` for a
 * token with which a device that has a name would get another: what admits in one tenant is worth nothing in the next.
 */
export function nameOf(
  wish: DeviceIdentity,
  known: EnrolmentRecord | undefined,
  token: JoinTokenRecord | undefined,
): DeviceIdentity {
  if (token === undefined) return known?.identity ?? wish;
  if (known === undefined || hasOnlyAsked(known)) return { tenant: token.tenant, device: token.device ?? wish.device };
  const { tenant, device } = known.identity;
  if (token.tenant === tenant && (token.device ?? device) === device) return known.identity;
  throw new MpoError("already-exists", `this device is ${device} of tenant ${tenant}; the token is for another`, {
    hint: `Ask for a token for it, or have it removed first: mpo devices remove ${device}.`,
  });
}

/**
 * Judges a device that asks, by what is known of its name. Throws `permission-denied` for one that was rejected or revoked,
 * `already-exists` for the name of another, `over-budget` when too many wait.
 */
export function judgeEnrolment(
  before: EnrolmentRecord | undefined,
  asking: Asking,
  policy: EnrolmentTimes & { readonly isFull: boolean },
): EnrolmentVerdict {
  const { identity, keyDigest, token } = asking;
  const byToken = token?.isAccepting === true ? "accepted" : "pending";
  const who = `device ${identity.device} of tenant ${identity.tenant}`;
  if (before === undefined) {
    if (token === undefined && policy.isFull) {
      throw new MpoError("over-budget", `${MAX_PENDING} devices wait to be accepted already`, {
        hint: "Accept or reject some: mpo devices pending. A device with a token need not wait.",
      });
    }
    return { state: byToken, usesToken: token !== undefined };
  }
  if (before.keyDigest !== keyDigest) {
    // Only who was meant by name may take it over: a token for many would let one device become another.
    if (token !== undefined && (hasOnlyAsked(before) || token.device === identity.device)) {
      return { state: byToken, usesToken: true };
    }
    throw new MpoError("already-exists", `${who} has another key`, {
      hint:
        `If this is the same device with a new disk: mpo token create --device ${identity.device}, and join with that. ` +
        "If it is another one, give it another name with --device.",
    });
  }
  if (needsNoToken(before, policy)) return { state: "accepted", usesToken: false };
  if (before.state === "rejected" || before.state === "revoked") {
    if (token?.device === identity.device) return { state: byToken, usesToken: true };
    throw turnedAway(who, before.state);
  }
  // One that waits already gains nothing by a token that has it wait: each time that it asks again would be a use.
  return { state: byToken, usesToken: byToken === "accepted" };
}

export function turnedAway(who: string, state: EnrolmentState): MpoError {
  return new MpoError("permission-denied", `${who} is ${state}`, {
    hint: "An admin can let it in again: mpo devices accept.",
  });
}
