import { MpoError } from "@mpo/core";
import type { DeviceIdentity } from "@mpo/protocol";
import { isTransient } from "@mpo/runtime";
import { openKeyFile } from "./device-key.ts";
import { Enrolment } from "./enrolment.ts";
import type { JoinOptions } from "./fleet-member.ts";
import { readMembership, writeMembership } from "./membership.ts";

/** How a device that asked its fleet once stands with it. */
export interface Standing {
  /** `member`: it had joined before, and nothing has changed. `pending`: somebody has to accept it. */
  readonly kind: "joined" | "member" | "pending";
  readonly identity: DeviceIdentity;
  readonly coordinators: readonly string[];
  /** The digest of its key, by which people recognise it. */
  readonly key: string;
}

/** How a device stands that has joined before; undefined: it has not. */
export async function memberStanding(
  { files, logger }: Pick<JoinOptions, "files" | "logger">,
  signal: AbortSignal,
): Promise<Standing | undefined> {
  const key = await openKeyFile(files.key, logger, { signal });
  const known = await readMembership(files.membership, key, logger, { signal });
  if (known === undefined) return undefined;
  const { identity, coordinators } = known;
  return { kind: "member", identity, coordinators, key: key.publicKeyDigest };
}

export interface EnrolOnceOptions extends JoinOptions {
  /** How long a coordinator that does not answer is asked again. */
  readonly patienceMs: number;
}

/**
 * Makes a device a part of its fleet as far as that goes at once. Throws as `joinFleet` does, and `unavailable` or `timed-out`
 * when no coordinator answers.
 */
export async function enrolOnce(options: EnrolOnceOptions, signal: AbortSignal): Promise<Standing> {
  const { files, joining, clock, logger, time, patienceMs } = options;
  const key = await openKeyFile(files.key, logger, { signal });
  const enrolment = new Enrolment({ ...options, key });
  const endMs = clock.monotonicMs() + patienceMs;
  for (;;) {
    const asked = await enrolment.ask(undefined, signal);
    if (asked.kind === "accepted") {
      await writeMembership(files.membership, asked.membership, { signal });
      const { identity, coordinators } = asked.membership;
      return { kind: "joined", identity, coordinators, key: key.publicKeyDigest };
    }
    const { error, waitMs } = asked;
    if (error === undefined) {
      return { kind: "pending", identity: options.wish, coordinators: joining.coordinators, key: key.publicKeyDigest };
    }
    const mayPass = isTransient(error) || time.problem !== undefined;
    if (!mayPass || clock.monotonicMs() + waitMs > endMs) throw withClock(error, time.problem);
    await clock.sleep(waitMs, { signal });
  }
}

/** By a clock that is wrong all certificates look wrong. */
function withClock(error: MpoError, problem: string | undefined): MpoError {
  if (problem === undefined) return error;
  const { code, message } = error;
  return new MpoError(code, message, { cause: error, hint: `Set this device's clock first: ${problem}.` });
}
