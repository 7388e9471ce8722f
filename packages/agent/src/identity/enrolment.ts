import { given, hasCode, MpoError, SECOND_MS } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { DeviceIdentity, EnrollResponse, Inventory, Label } from "@mpo/protocol";
import { isTransient, type Logger, Waits } from "@mpo/runtime";
import type { TrustedTime } from "../config/trusted-time.ts";
import type { KeyProvider } from "./device-key.ts";
import type { FleetDoor } from "./fleet-door.ts";
import type { Joining } from "./joining.ts";
import { type Membership, membershipFrom, type NatsUser, newNatsUser } from "./membership.ts";

export interface EnrolmentParts {
  readonly joining: Joining;
  /** The name that the device asks for. */
  readonly wish: DeviceIdentity;
  readonly labels: readonly Label[];
  readonly inventory: Inventory;
  readonly key: KeyProvider;
  readonly door: FleetDoor;
  readonly time: Pick<TrustedTime, "heard" | "problem">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** After failures; a fleet that was cut off does not come back at one moment. */
const RETRY = { baseMs: 1_000, capMs: 60_000 } as const;
/** A device that was turned away goes on asking: an admin may let it in again. */
const FIRST_TURNED_AWAY_MS = 300_000;
const LONGEST_TURNED_AWAY_MS = 3_600_000;

/** What an attempt came to: credentials, or how long to wait for the next. `error`: it failed; absent: somebody has to accept it. */
export type Asked =
  | { readonly kind: "accepted"; readonly membership: Membership }
  | { readonly kind: "later"; readonly waitMs: number; readonly error?: MpoError };

/** An answer, and whom it is from. */
interface Answer {
  readonly response: EnrollResponse;
  readonly coordinators: readonly string[];
}

/** Asks a fleet for credentials. What it says of each answer goes into the log once. */
export class Enrolment {
  readonly #parts: EnrolmentParts;
  readonly #waits: Waits;
  readonly #newUser: NatsUser = newNatsUser();
  #turnedAway = 0;
  #said = "";
  /** Whether the way by which the device joined first may still be of use. */
  #mayJoin: boolean;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
    this.#waits = new Waits({ ...RETRY, random: parts.random });
    this.#mayJoin = parts.joining.authority !== undefined;
  }

  /**
   * Asks once. A device that is no member yet throws what a person has to mend: `unauthenticated` for a token that is not
   * good, or another fleet; `invalid-argument` where it does not know whom to ask. All other trouble is waited out.
   */
  async ask(member: Membership | undefined, signal: AbortSignal): Promise<Asked> {
    const { key, time } = this.#parts;
    try {
      const { response, coordinators } = await this.#answer(member, signal);
      await time.heard(response.serverTimeMs);
      if (response.state !== "accepted") return { kind: "later", waitMs: this.#waiting(response) };
      const membership = membershipFrom(response, {
        ...{ key, nats: this.#userOf(member), coordinators, before: member },
      });
      this.#turnedAway = 0;
      this.#said = "";
      this.#waits.succeeded();
      return { kind: "accepted", membership };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = MpoError.from(thrown);
      return { kind: "later", waitMs: this.#failed(error, member !== undefined), error };
    }
  }

  /** By what it has; where that is not enough, once more by what lets devices in. */
  async #answer(member: Membership | undefined, signal: AbortSignal): Promise<Answer> {
    if (member === undefined) return await this.#join(member, signal);
    const coordinators = this.#coordinators(member);
    let failure: unknown;
    try {
      const response = await this.#enroll(member, { coordinators, caPem: member.authoritiesPem }, undefined, signal);
      if (response.state === "accepted" || !this.#mayJoin) return { response, coordinators };
    } catch (thrown) {
      if (!this.#mayJoin || isTransient(thrown) || signal.aborted) throw thrown;
      failure = thrown;
    }
    try {
      const answer = await this.#join(member, signal);
      this.#mayJoin = false;
      return answer;
    } catch (thrown) {
      if (isTransient(thrown) || signal.aborted) throw thrown;
      this.#mayJoin = false;
      this.#parts.logger.info("what this device was given for joining does not let it in again", { err: thrown });
      throw failure ?? thrown;
    }
  }

  /** By what lets devices in. Whom a member trusts to sign documents stays: a stolen authority is not enough to change that. */
  async #join(member: Membership | undefined, signal: AbortSignal): Promise<Answer> {
    const { joining, door } = this.#parts;
    const coordinators = this.#coordinators(member);
    if (joining.authority === undefined || coordinators.length === 0) {
      throw new MpoError("invalid-argument", "this device is not part of a fleet yet, and was not told of which", {
        hint: "Where the coordinator runs: mpo token create --accept. Here, with the printed line in a file: mpo agent --join @FILE",
      });
    }
    const caPem = await door.authorityAt(coordinators, joining.authority, { signal });
    const response = await this.#enroll(member, { coordinators, caPem }, joining.token, signal);
    return { response, coordinators };
  }

  async #enroll(
    member: Membership | undefined,
    to: Parameters<FleetDoor["enroll"]>[1],
    joinToken: string | undefined,
    signal: AbortSignal,
  ): Promise<EnrollResponse> {
    const { door, key, wish, labels, inventory } = this.#parts;
    const request = {
      identity: member?.identity ?? wish,
      ...given({ joinToken }),
      certificateRequest: await key.csr(),
      natsPublicKey: this.#userOf(member).publicKey,
      ...{ inventory, labels: [...labels] },
    };
    return await door.enroll(request, to, { signal });
  }

  #coordinators(member: Membership | undefined): readonly string[] {
    const { coordinators } = this.#parts.joining;
    return coordinators.length > 0 ? coordinators : (member?.coordinators ?? []);
  }

  #userOf(member: Membership | undefined): NatsUser {
    return member?.nats ?? this.#newUser;
  }

  #waiting({ identity, retryAfterSeconds }: EnrollResponse): number {
    const { tenant, device } = identity;
    const command = `mpo devices accept ${device}${tenant === "default" ? "" : ` --tenant ${tenant}`}`;
    this.#say("pending", (logger) =>
      logger.warn(`this device waits to be accepted: ${command}`, {
        key: this.#parts.key.publicKeyDigest.slice(0, 12),
        hint: "The list shows the same first digits of the key: mpo devices pending.",
      }),
    );
    return Math.max(1, retryAfterSeconds) * SECOND_MS * (1 + 0.2 * this.#parts.random());
  }

  #failed(error: MpoError, isMember: boolean): number {
    const { time, random } = this.#parts;
    // By a clock that is wrong all certificates look wrong: that ends when somebody, or the network, sets it.
    const mayPass = error.code === "unauthenticated" && (isMember || time.problem !== undefined);
    if (mayPass || isTransient(error) || error.code === "over-budget") {
      const waitMs = this.#waits.next();
      this.#say(error.message, (logger) => logger.warn("no new credentials yet", { err: error, clock: time.problem }));
      return waitMs;
    }
    if (!isMember && hasCode(error, "unauthenticated", "invalid-argument")) throw error;
    const waitMs = Math.min(LONGEST_TURNED_AWAY_MS, FIRST_TURNED_AWAY_MS * 2 ** this.#turnedAway++);
    this.#say(error.message, (logger) => logger.error("the fleet turns this device away", { err: error }));
    return waitMs * (1 + 0.2 * random());
  }

  #say(what: string, log: (logger: Logger) => void): void {
    if (what === this.#said) return;
    this.#said = what;
    log(this.#parts.logger);
  }
}
