import { given, MpoError } from "@mpo/core";
import {
  type DeviceCredentials,
  type DeviceIdentity,
  deviceKey,
  type EnrollRequest,
  type EnrolmentState,
  type Label,
} from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { type Watched, WatchedMap, type Watching } from "../store/watched-map.ts";
import type { FleetAuthority, IssuedCertificate } from "./authority.ts";
import { type EnrolmentRecord, enrolmentForm } from "./enrolment-record.ts";
import {
  type Asking,
  DEFAULT_ENROLMENT_POLICY,
  type EnrolmentPolicy,
  type EnrolmentVerdict,
  judgeEnrolment,
  MAX_PENDING,
  turnedAway,
} from "./enrolment-verdict.ts";
import type { JoinTokenRecord, JoinTokens } from "./join-tokens.ts";
import type { NatsUsers } from "./nats-users.ts";

/** What came of a device's request. */
export type EnrolmentOutcome =
  | { readonly kind: "pending"; readonly isNew: boolean; readonly record: EnrolmentRecord }
  | {
      readonly kind: "accepted";
      readonly isNew: boolean;
      readonly record: EnrolmentRecord;
      readonly credentials: DeviceCredentials;
    };

export interface EnrolmentParts {
  readonly authority: FleetAuthority;
  readonly tokens: JoinTokens;
  /** Absent: NATS asks for no proof. */
  readonly natsUsers: Pick<NatsUsers, "revoke"> | undefined;
  readonly policy?: EnrolmentPolicy;
}

/** Who is part of the fleet, by its key, and who asks to be. */
export class Enrolments {
  readonly #context: StoreContext;
  readonly #authority: FleetAuthority;
  readonly #tokens: JoinTokens;
  readonly #policy: EnrolmentPolicy;
  readonly #natsUsers: Pick<NatsUsers, "revoke"> | undefined;
  readonly #records: WatchedMap<EnrolmentRecord>;
  /** Keys of records by the digests of their public keys. */
  readonly #byKey = new Map<string, string>();
  #pending = 0;

  constructor(context: StoreContext, { authority, tokens, natsUsers, policy }: EnrolmentParts) {
    this.#context = context;
    this.#authority = authority;
    this.#tokens = tokens;
    this.#natsUsers = natsUsers;
    this.#policy = policy ?? DEFAULT_ENROLMENT_POLICY;
    this.#records = new WatchedMap(context, {
      bucket: BUCKETS.enrolment,
      read: ({ value }) => enrolmentForm.fromBytes(value),
      onChange: (key, now, before) => this.#index(key, now, before),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#records];
  }

  get(identity: DeviceIdentity): EnrolmentRecord | undefined {
    return this.#records.get(deviceKey(identity))?.value;
  }

  *all(): Generator<EnrolmentRecord, void, undefined> {
    for (const [, { value }] of this.#records.entries()) yield value;
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
  async enrol(request: EnrollRequest, address: string, options: StoreCallOptions = {}): Promise<EnrolmentOutcome> {
    const { certificateRequest, joinToken } = request;
    if (certificateRequest === undefined) {
      throw new MpoError("unauthenticated", "the request to join has no certificate request", {
        hint: "Update the agent: this coordinator wants devices to prove who they are.",
      });
    }
    const { keyDigest } = await this.#authority.readRequest(certificateRequest);
    const token = joinToken === undefined ? undefined : await this.#tokens.read(joinToken, options);
    const identity = this.#nameOf(request.identity, keyDigest, token);
    const asking = { identity, keyDigest, token, address };
    const verdict = this.#judge(await this.#load(identity, options), asking);
    // Counted before anything is written: of a hundred who come with one use, one gets further.
    if (joinToken !== undefined && verdict.usesToken) await this.#tokens.use(joinToken, keyDigest, options);
    const issued = verdict.state === "accepted" ? await this.#authority.issue(certificateRequest, identity) : undefined;
    return await this.#admit(request, issued, asking, options);
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
    const record = await this.#change(identity, options, (current) => {
      if (current === undefined) throw unknownEnrolment(identity);
      if (keyDigest !== undefined && current.keyDigest !== keyDigest) {
        throw new MpoError("conflict", `device ${identity.device} has another key by now: ${current.keyDigest}`, {
          hint: "Look again: mpo devices pending.",
        });
      }
      return { ...current, state, decidedBy };
    });
    if (state !== "accepted") await this.#revokeUser(record.natsPublicKey);
    return record;
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
      const named = this.#byKey.get(keyDigest);
      return (
        (known !== undefined && known.keyDigest !== keyDigest) || (named !== undefined && named !== deviceKey(identity))
      );
    });
    if (taken.length > 0) {
      const names = taken.map(({ identity }) => identity.device).join(", ");
      throw new MpoError("already-exists", `known already, by another key or under another name: ${names}`, {
        hint: "Nothing was changed. Leave them out, or remove them first: mpo devices remove.",
      });
    }
    let added = 0;
    for (const { identity, keyDigest, labels } of devices) {
      await this.#change(identity, options, (current) => {
        if (current?.keyDigest === keyDigest && current.state !== "pending") return current;
        added += 1;
        const known = current ?? { board: "", address: "", issued: 0 };
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
    const record = await this.#change(identity, options, (current) => {
      if (current === undefined) throw unknownEnrolment(identity);
      return { ...current, labels: [...current.labels.filter(({ name }) => !gone.has(name)), ...set] };
    });
    return record.labels;
  }

  /** The device has another name from now on; its key stays. */
  async rename(identity: DeviceIdentity, renamed: DeviceIdentity, options: StoreCallOptions = {}): Promise<void> {
    const record = await this.#load(identity, options);
    if (record === undefined) return;
    await this.#change(renamed, options, () => ({ ...record, identity: renamed }));
    await this.#forget(identity, options);
  }

  /** Forgets a device: it is as if it had never come. */
  async remove(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<boolean> {
    const record = await this.#load(identity, options);
    if (record === undefined) return false;
    await this.#forget(identity, options);
    await this.#revokeUser(record.natsPublicKey);
    return true;
  }

  /** Who a device is: what its key is known as, else what its token says, else what it says. */
  #nameOf(wish: DeviceIdentity, keyDigest: string, token: JoinTokenRecord | undefined): DeviceIdentity {
    const known = this.#byKey.get(keyDigest);
    const record = known === undefined ? undefined : this.#records.get(known)?.value;
    if (record !== undefined) return record.identity;
    if (token === undefined) return wish;
    return { tenant: token.tenant, device: token.device ?? wish.device };
  }

  #judge(before: EnrolmentRecord | undefined, asking: Asking): EnrolmentVerdict {
    const { renewAfterEndMs } = this.#policy;
    const isFull = this.#pending >= MAX_PENDING;
    return judgeEnrolment(before, asking, { nowMs: this.#context.clock.now(), renewAfterEndMs, isFull });
  }

  async #admit(
    { inventory, natsPublicKey }: EnrollRequest,
    issued: IssuedCertificate | undefined,
    asking: Asking & { readonly address: string },
    options: StoreCallOptions,
  ): Promise<EnrolmentOutcome> {
    const { identity, keyDigest, token, address } = asking;
    let isNew = false;
    let formerUser: string | undefined;
    const record = await this.#change(identity, options, (before) => {
      // Accepted since it was looked at: it hears of it when it asks again.
      const state = issued === undefined ? "pending" : this.#judge(before, asking).state;
      const isSameKey = before?.keyDigest === keyDigest;
      isNew = !isSameKey || before.state !== state;
      formerUser = before?.natsPublicKey === natsPublicKey ? undefined : before?.natsPublicKey;
      return {
        ...{ identity, keyDigest, address },
        state: isSameKey && before.state === "accepted" && state === "pending" ? "accepted" : state,
        labels: token?.labels ?? before?.labels ?? [],
        requestedAtMs: (isSameKey ? before.requestedAtMs : undefined) ?? this.#context.clock.now(),
        deviceClass: inventory.deviceClass,
        board: inventory.board,
        ...given({
          natsPublicKey,
          decidedBy: isNew && token !== undefined ? token.createdBy : before?.decidedBy,
          certificateEndsAtMs: issued?.endsAtMs ?? before?.certificateEndsAtMs,
        }),
        issued: (before?.issued ?? 0) + (issued === undefined ? 0 : 1),
      };
    });
    await this.#revokeUser(formerUser);
    if (issued === undefined || record.state !== "accepted") return { kind: "pending", isNew, record };
    const asksNats = this.#natsUsers !== undefined && natsPublicKey !== undefined;
    const natsJwt = asksNats ? this.#authority.natsUser(identity, natsPublicKey) : undefined;
    const { authoritiesPem, rootPublicKey, keyDocument } = this.#authority.trust;
    const { certificatePem } = issued;
    const credentials = { certificatePem, authoritiesPem, rootPublicKey, keyDocument, ...given({ natsJwt }) };
    return { kind: "accepted", isNew, record, credentials };
  }

  async #revokeUser(publicKey: string | undefined): Promise<void> {
    if (publicKey !== undefined) await this.#natsUsers?.revoke(publicKey);
  }

  async #load(identity: DeviceIdentity, options: StoreCallOptions): Promise<EnrolmentRecord | undefined> {
    const entry = await this.#context.store.get(BUCKETS.enrolment, deviceKey(identity), options);
    return entry === undefined ? undefined : enrolmentForm.fromBytes(entry.value);
  }

  async #change(
    identity: DeviceIdentity,
    { signal }: StoreCallOptions,
    change: (record: EnrolmentRecord | undefined) => EnrolmentRecord,
  ): Promise<EnrolmentRecord> {
    const key = deviceKey(identity);
    const { result, revision } = await changeEntry(
      this.#context,
      { bucket: BUCKETS.enrolment, key, signal },
      (current) => {
        const before = current === undefined ? undefined : enrolmentForm.fromBytes(current.value);
        const next = change(before);
        return { ...(next === before ? {} : { value: enrolmentForm.toBytes(next) }), result: next };
      },
    );
    this.#records.note(key, result, revision);
    return result;
  }

  async #forget(identity: DeviceIdentity, options: StoreCallOptions): Promise<void> {
    const key = deviceKey(identity);
    await this.#context.store.delete(BUCKETS.enrolment, key, options);
    this.#records.forget(key);
  }

  #index(key: string, now: Watched<EnrolmentRecord> | undefined, before: Watched<EnrolmentRecord> | undefined): void {
    if (before !== undefined && this.#byKey.get(before.value.keyDigest) === key) {
      this.#byKey.delete(before.value.keyDigest);
    }
    if (now !== undefined) this.#byKey.set(now.value.keyDigest, key);
    this.#pending += Number(now?.value.state === "pending") - Number(before?.value.state === "pending");
  }
}

function unknownEnrolment({ tenant, device }: DeviceIdentity): MpoError {
  return new MpoError("not-found", `no device ${device} of tenant ${tenant} is part of the fleet or asks to be`, {
    hint: "List who asks: mpo devices pending.",
  });
}
