import { given, MpoError } from "@mpo/core";
import { untilAborted } from "@mpo/io";
import {
  type DeviceCredentials,
  type DeviceIdentity,
  deviceKey,
  type EnrollRequest,
  type EnrolmentState,
  type Label,
  MAX_LABELS,
} from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { PeerFacts } from "../api/device-identity.ts";
import type { StoreContext } from "../store/change-entry.ts";
import type { Watching } from "../store/watched-map.ts";
import type { FleetAuthority } from "./authority.ts";
import { type EnrolmentProof, proofOf, requireOwnName } from "./enrolment-proof.ts";
import { admitted, type EnrolmentRecord, type Issued } from "./enrolment-record.ts";
import { EnrolmentRecords } from "./enrolment-records.ts";
import {
  type Asking,
  DEFAULT_ENROLMENT_POLICY,
  type EnrolmentPolicy,
  type EnrolmentVerdict,
  judgeEnrolment,
  MAX_PENDING,
  nameOf,
  needsNoToken,
  turnedAway,
} from "./enrolment-verdict.ts";
import type { JoinTokens } from "./join-tokens.ts";
import type { NatsUsers } from "./nats-users.ts";

/** What came of a device's request. */
export type EnrolmentOutcome = { readonly isNew: boolean; readonly record: EnrolmentRecord } & (
  | { readonly kind: "pending" }
  | { readonly kind: "accepted"; readonly credentials: DeviceCredentials }
);

export interface EnrolmentParts {
  readonly authority: FleetAuthority;
  readonly tokens: JoinTokens;
  /** Absent: NATS asks for no proof. */
  readonly natsUsers: Pick<NatsUsers, "revoke" | "revocations" | "watches"> | undefined;
  readonly policy?: EnrolmentPolicy;
}

/** Who is part of the fleet, by its key, and who asks to be. */
export class Enrolments {
  readonly #context: StoreContext;
  readonly #authority: FleetAuthority;
  readonly #tokens: JoinTokens;
  readonly #policy: EnrolmentPolicy;
  readonly #natsUsers: EnrolmentParts["natsUsers"];
  readonly #records: EnrolmentRecords;

  constructor(context: StoreContext, { authority, tokens, natsUsers, policy }: EnrolmentParts) {
    this.#context = context;
    this.#authority = authority;
    this.#tokens = tokens;
    this.#natsUsers = natsUsers;
    this.#policy = policy ?? DEFAULT_ENROLMENT_POLICY;
    this.#records = new EnrolmentRecords(context);
  }

  get watches(): readonly Watching[] {
    return [this.#records.watching];
  }

  get(identity: DeviceIdentity): EnrolmentRecord | undefined {
    return this.#records.get(identity);
  }

  /** As the store has it now. */
  async load(identity: DeviceIdentity, options: StoreCallOptions): Promise<EnrolmentRecord | undefined> {
    return await this.#records.load(identity, options);
  }

  all(): Iterable<EnrolmentRecord> {
    return this.#records.all();
  }

  /**
   * Whether a certificate's holder is a device of the fleet now. Throws `unauthenticated`: it is not known, or with
   * another key; `permission-denied`: it was revoked.
   */
  requireAccepted(identity: DeviceIdentity, keyDigest: string): void {
    const record = this.get(identity);
    const who = `device ${identity.device} of tenant ${identity.tenant}`;
    if (record === undefined || record.keyDigest !== keyDigest) {
      throw new MpoError("unauthenticated", `${who} is not known here by this certificate`, {
        hint: "It was removed or renamed, or joined again with another key: it enrols again by itself, or needs a token.",
      });
    }
    if (record.state !== "accepted") throw turnedAway(who, record.state);
  }

  /**
   * Answers a device that asks to be part of the fleet, or for new credentials. Its key is what it is known by: a device
   * that was renamed learns its name here. Throws `unauthenticated` for a bad token, `permission-denied` for a device
   * that was rejected or revoked, `already-exists` for the name of another device, `over-budget` when too many wait.
   */
  async enrol(
    request: EnrollRequest,
    address: string,
    options: StoreCallOptions & Pick<PeerFacts, "certificate"> = {},
  ): Promise<EnrolmentOutcome> {
    const { joinToken } = request;
    const proof = await proofOf(this.#authority, request, options.certificate);
    const { keyDigest } = proof;
    const known = this.#records.ofKey(keyDigest);
    const isLetIn = known !== undefined && needsNoToken(known, this.#times);
    const secret = isLetIn ? undefined : joinToken;
    const token = secret === undefined ? undefined : await this.#tokens.read(secret, options);
    const identity = proof.identity ?? nameOf(request.identity, known, token);
    requireOwnName(proof, known, token);
    const asking = { identity, keyDigest, token, address };
    const verdict = this.#judge(await this.#records.load(identity, options), asking);
    this.#requireOwnUser(identity, request.natsPublicKey);
    // Counted before anything is written: of a hundred who come with one use, one gets further.
    if (secret !== undefined && verdict.usesToken) await this.#tokens.use(secret, keyDigest, options);
    const issued = verdict.state === "accepted" ? await this.#issue(proof, request, identity) : undefined;
    const outcome = await this.#admit(request, issued, asking, options);
    // It waited under another name until its token said which one it has.
    if (known !== undefined && deviceKey(known.identity) !== deviceKey(identity))
      await this.#records.forget(known.identity, options);
    return outcome;
  }

  /** Accepts, rejects or revokes. Throws `not-found`, and `conflict` when it has another key by now. */
  async decide(
    identity: DeviceIdentity,
    decision: {
      readonly state: Extract<EnrolmentState, "accepted" | "rejected" | "revoked">;
      readonly keyDigest?: string | undefined;
      readonly decidedBy: string;
    },
    options: StoreCallOptions = {},
  ): Promise<EnrolmentRecord> {
    const { state, keyDigest, decidedBy } = decision;
    const record = await this.#records.change(identity, options, (current) => {
      if (current === undefined) throw unknownEnrolment(identity);
      if (keyDigest !== undefined && current.keyDigest !== keyDigest) {
        throw new MpoError("conflict", `device ${identity.device} has another key by now: ${current.keyDigest}`, {
          hint: "Look again: mpo devices pending.",
        });
      }
      // Also one that was off for too long, or revoked when it ended.
      const isOver = state === "accepted" && (current.certificateEndsAtMs ?? 0) < this.#context.clock.now();
      return { ...current, state, decidedBy, certificateEndsAtMs: isOver ? undefined : current.certificateEndsAtMs };
    });
    if (state !== "accepted") await this.#revokeUsers(record);
    return record;
  }

  /** Takes those their access to NATS whose revocation was not finished: its coordinator may have ended before. */
  async finishRevocations(signal: AbortSignal): Promise<void> {
    const users = this.#natsUsers;
    if (users === undefined) return;
    await untilAborted(Promise.all([...this.watches, ...users.watches].map(({ ready }) => ready)), signal);
    const nowMs = this.#context.clock.now();
    const { revocations } = users;
    for (const { state, natsUsers } of this.all()) {
      if (state !== "revoked" && state !== "rejected") continue;
      const left = natsUsers.filter(({ key, endsAtMs }) => endsAtMs > nowMs && !revocations.has(key));
      await this.#revokeUsers({ natsUsers: left });
    }
  }

  /** Accepts devices before they come; returns how many are new. Throws `already-exists` for one with another key. */
  async preauthorise(
    devices: readonly {
      readonly identity: DeviceIdentity;
      readonly keyDigest: string;
      readonly labels: readonly Label[];
    }[],
    decidedBy: string,
    options: StoreCallOptions = {},
  ): Promise<number> {
    const taken = devices.filter(({ identity, keyDigest }) => {
      const known = this.get(identity);
      const named = this.#records.ofKey(keyDigest);
      return (known !== undefined && known.keyDigest !== keyDigest) || (named !== undefined && named !== known);
    });
    if (taken.length > 0) {
      const names = taken.map(({ identity }) => identity.device).join(", ");
      throw new MpoError("already-exists", `known already, by another key or under another name: ${names}`, {
        hint: "Nothing was changed. Leave them out, or remove them first: mpo devices remove.",
      });
    }
    let added = 0;
    for (const { identity, keyDigest, labels } of devices) {
      await this.#records.change(identity, options, (current) => {
        if (current?.keyDigest === keyDigest && current.state !== "pending") return current;
        added += 1;
        const known = current ?? { board: "", address: "", issued: 0, natsUsers: [] };
        return { ...known, identity, keyDigest, labels, state: "preauthorised", decidedBy };
      });
    }
    return added;
  }

  /** Sets and takes away labels that the fleet gives a device. */
  async label(
    identity: DeviceIdentity,
    { set, removed }: { readonly set: readonly Label[]; readonly removed: readonly string[] },
    options: StoreCallOptions = {},
  ): Promise<readonly Label[]> {
    const gone = new Set([...removed, ...set.map(({ name }) => name)]);
    const record = await this.#records.change(identity, options, (current) => {
      if (current === undefined) throw unknownEnrolment(identity);
      const labels = [...current.labels.filter(({ name }) => !gone.has(name)), ...set];
      if (labels.length <= MAX_LABELS) return { ...current, labels };
      throw new MpoError("invalid-argument", `device ${identity.device} would have ${labels.length} labels`, {
        hint: `A device has ${MAX_LABELS} at most: take others away.`,
      });
    });
    return record.labels;
  }

  /** The device has another name from now on; its key stays. What it may read of NATS under the old one ends. */
  async rename(identity: DeviceIdentity, renamed: DeviceIdentity, options: StoreCallOptions = {}): Promise<void> {
    const record = await this.#records.load(identity, options);
    if (record === undefined) return;
    await this.#revokeUsers(record);
    await this.#records.change(renamed, options, () => ({ ...record, identity: renamed, natsUsers: [] }));
    await this.#records.forget(identity, options);
  }

  /** Forgets a device: it is as if it had never come. */
  async remove(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<boolean> {
    if ((await this.#records.load(identity, options)) === undefined) return false;
    // Revoked first: nothing may be issued to it that nobody remembers.
    const { keyDigest } = await this.decide(identity, { state: "revoked", decidedBy: "its removal" }, options);
    await this.#tokens.forgetUser(keyDigest, options);
    await this.#records.forget(identity, options);
    return true;
  }

  get #times(): { readonly nowMs: number; readonly renewAfterEndMs: number } {
    return { nowMs: this.#context.clock.now(), renewAfterEndMs: this.#policy.renewAfterEndMs };
  }

  #judge(before: EnrolmentRecord | undefined, asking: Asking): EnrolmentVerdict {
    return judgeEnrolment(before, asking, { ...this.#times, isFull: this.#records.pending >= MAX_PENDING });
  }

  /** Else who names another's key could have it revoked. */
  #requireOwnUser(identity: DeviceIdentity, natsPublicKey: string | undefined): void {
    const owner = this.#records.ofUser(natsPublicKey ?? "");
    if (owner === undefined || deviceKey(owner.identity) === deviceKey(identity)) return;
    throw new MpoError("already-exists", `the key for NATS that device ${identity.device} brings is another device's`, {
      hint: "Was its folder copied from another machine? Each device needs keys of its own: clear it, and join again.",
    });
  }

  async #issue(proof: EnrolmentProof, { natsPublicKey }: EnrollRequest, identity: DeviceIdentity): Promise<Issued> {
    const certificate = await proof.issue(identity);
    const asksNats = this.#natsUsers !== undefined && natsPublicKey !== undefined;
    return { ...certificate, ...(asksNats ? { natsJwt: this.#authority.natsUser(identity, natsPublicKey) } : {}) };
  }

  async #admit(
    request: EnrollRequest,
    issued: Issued | undefined,
    asking: Asking & { readonly address: string },
    options: StoreCallOptions,
  ): Promise<EnrolmentOutcome> {
    const { identity, keyDigest } = asking;
    const nowMs = this.#context.clock.now();
    let isNew = false;
    let former: EnrolmentRecord | undefined;
    const record = await this.#records.change(identity, options, (before) => {
      const { state: judged, usesToken } = this.#judge(before, asking);
      // Accepted since it was looked at: it hears of it when it asks again.
      const state = issued === undefined && judged === "accepted" ? (before?.state ?? "pending") : judged;
      const isSameKey = before?.keyDigest === keyDigest;
      former = isSameKey ? undefined : before;
      isNew = !isSameKey || before.state !== state;
      return admitted(before, { ...asking, ...request, identity, state, usesToken, issued, isNew, nowMs });
    });
    await this.#revokeUsers(former);
    if (issued === undefined || record.state !== "accepted") return { kind: "pending", isNew, record };
    const { authoritiesPem, rootPublicKey, keyDocument } = this.#authority.trust;
    const { certificatePem, natsJwt } = issued;
    const credentials = { authoritiesPem, rootPublicKey, keyDocument, ...given({ certificatePem, natsJwt }) };
    return { kind: "accepted", isNew, record, credentials };
  }

  async #revokeUsers(record: Pick<EnrolmentRecord, "natsUsers"> | undefined): Promise<void> {
    const keys = record?.natsUsers.map(({ key }) => key) ?? [];
    if (keys.length > 0) await this.#natsUsers?.revoke(keys);
  }
}

function unknownEnrolment({ tenant, device }: DeviceIdentity): MpoError {
  return new MpoError("not-found", `no device ${device} of tenant ${tenant} is part of the fleet or asks to be`, {
    hint: "List who asks: mpo devices pending.",
  });
}
