import { type Fact, fact, given, MpoError } from "@mpo/core";
import { createJoinSecret, hashSecret } from "@mpo/identity";
import { type JoinTokenView, type Label, schemas } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions, type StoreEntry } from "@mpo/transport";
import { Batches, type ItemResult } from "../store/batches.ts";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { recordForm } from "../store/records.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import { idOf } from "./token-id.ts";

const { digest, flag, list, name, object, text, timestampMs, whole } = fact;

const MAX_USES = 100_000;

const tokenSchema = object({
  tenant: name(),
  usesLeft: whole(0, MAX_USES),
  expiresAtMs: timestampMs(),
  device: name().optional(),
  labels: schemas.labels,
  isAccepting: flag(),
  createdBy: text(1, 128),
  createdAtMs: timestampMs(),
  /** Digests of the newest keys that have used it: an answer that was lost is asked for again. */
  usedBy: list(digest(), 0, 64),
});

/** What is kept of a token; its key is the digest of its secret. */
export type JoinTokenRecord = Fact<typeof tokenSchema>;
const form = recordForm("join-token", tokenSchema);

/** A token to be made. */
export interface JoinTokenOrder {
  readonly tenant: string;
  readonly uses: number;
  readonly validMs: number;
  readonly device?: string | undefined;
  readonly labels: readonly Label[];
  readonly isAccepting: boolean;
}

const KEEPS_USERS = 64;
/** An expired token is kept so long, to say that it has expired; and swept after. */
const KEPT_EXPIRED_MS = 7 * 86_400_000;

/** The tokens with which devices join: hashed, counted, and good for a while. */
export class JoinTokens {
  readonly #context: StoreContext;
  readonly #tokens: WatchedMap<JoinTokenRecord>;
  /** By token: the digests of keys. */
  readonly #uses: Batches<string, JoinTokenRecord>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#uses = new Batches(KEEPS_USERS, (key, users) => this.#useAll(key, users));
    this.#tokens = new WatchedMap(context, { bucket: BUCKETS.token, read: ({ value }) => form.fromBytes(value) });
  }

  get watches(): readonly Watching[] {
    return [this.#tokens];
  }

  /** Makes a token; its secret is nowhere else. */
  async create(
    order: JoinTokenOrder,
    createdBy: string,
    options: StoreCallOptions = {},
  ): Promise<{ readonly secret: string; readonly token: JoinTokenView }> {
    const { tenant, uses, validMs, device, labels, isAccepting } = order;
    if (device !== undefined && uses > 1) {
      throw new MpoError("invalid-argument", `a token for device ${device} is used once; ${uses} uses make no sense`);
    }
    const nowMs = this.#context.clock.now();
    const record: JoinTokenRecord = {
      ...{ tenant, usesLeft: uses, expiresAtMs: Math.round(nowMs + validMs), labels, isAccepting },
      ...{ createdBy, createdAtMs: nowMs, usedBy: [] },
      ...given({ device }),
    };
    const secret = createJoinSecret();
    const key = hashSecret(secret);
    const revision = await this.#context.store.create(BUCKETS.token, key, form.toBytes(record), options);
    this.#tokens.note(key, record, revision);
    return { secret, token: viewOf(key, record) };
  }

  /** Those that are still good. */
  list(tenant: string): readonly JoinTokenView[] {
    const nowMs = this.#context.clock.now();
    return [...this.#tokens.entries()]
      .filter(([, { value }]) => value.tenant === tenant && value.expiresAtMs > nowMs && value.usesLeft > 0)
      .map(([key, { value }]) => viewOf(key, value));
  }

  /** Ends a token. Throws `not-found`. */
  async revoke(tenant: string, id: string, options: StoreCallOptions = {}): Promise<void> {
    for (const [key, { value }] of this.#tokens.entries()) {
      if (value.tenant !== tenant || idOf(key) !== id) continue;
      await this.#context.store.delete(BUCKETS.token, key, options);
      this.#tokens.forget(key);
      return;
    }
    throw new MpoError("not-found", `there is no join token ${id} of tenant ${tenant}`, {
      hint: "List those that are still good: mpo token list.",
    });
  }

  /** What a token is good for, without using it. Throws `unauthenticated` for one that is not good (any more). */
  async read(secret: string, { signal }: StoreCallOptions = {}): Promise<JoinTokenRecord> {
    const entry = await this.#context.store.get(BUCKETS.token, hashSecret(secret), { signal });
    if (entry === undefined) {
      throw refused("is not known here", "It may be another fleet's, or was revoked: ask for a new one.");
    }
    const record = form.fromBytes(entry.value);
    if (record.expiresAtMs <= this.#context.clock.now()) {
      throw refused(`expired at ${new Date(record.expiresAtMs).toISOString()}`, "Ask for a new one.");
    }
    return record;
  }

  /** Counts one use, by the device with a key; the same key again is the same use. Throws as `read`. */
  async use(secret: string, keyDigest: string, { signal }: StoreCallOptions = {}): Promise<JoinTokenRecord> {
    await this.read(secret, { signal });
    return await this.#uses.do(hashSecret(secret), keyDigest);
  }

  async #useAll(key: string, users: readonly string[]): Promise<readonly ItemResult<JoinTokenRecord>[]> {
    const change = (current: StoreEntry | undefined) => {
      const before = current === undefined ? undefined : form.fromBytes(current.value);
      let record = before;
      const results = users.map((user): ItemResult<JoinTokenRecord> => {
        if (record?.usedBy.includes(user)) return { value: record };
        if (record === undefined || record.usesLeft === 0) {
          return { thrown: refused("has been used up", "Each use admits one device: ask for a new one.") };
        }
        const usedBy = [user, ...record.usedBy].slice(0, KEEPS_USERS);
        record = { ...record, usesLeft: record.usesLeft - 1, usedBy };
        return { value: record };
      });
      const isUsed = record !== undefined && record !== before;
      return { ...(isUsed ? { value: form.toBytes(record as JoinTokenRecord) } : {}), result: { record, results } };
    };
    const { result, revision } = await changeEntry(this.#context, { bucket: BUCKETS.token, key }, change);
    if (result.record !== undefined) this.#tokens.note(key, result.record, revision);
    return result.results;
  }

  /** A device that was removed is as any other: if it comes again, that is another use. */
  async forgetUser(keyDigest: string, { signal }: StoreCallOptions = {}): Promise<void> {
    for (const [key, { value }] of [...this.#tokens.entries()]) {
      if (!value.usedBy.includes(keyDigest)) continue;
      await changeEntry(this.#context, { bucket: BUCKETS.token, key, signal }, (current) => {
        const record = current === undefined ? undefined : form.fromBytes(current.value);
        if (record?.usedBy.includes(keyDigest) !== true) return { result: undefined };
        const usedBy = record.usedBy.filter((user) => user !== keyDigest);
        return { value: form.toBytes({ ...record, usedBy }), result: undefined };
      });
    }
  }

  /** Forgets tokens that expired long ago. */
  async sweep({ signal }: StoreCallOptions = {}): Promise<void> {
    const longAgoMs = this.#context.clock.now() - KEPT_EXPIRED_MS;
    for (const [key, { value }] of [...this.#tokens.entries()]) {
      if (value.expiresAtMs < longAgoMs) await this.#context.store.delete(BUCKETS.token, key, { signal });
    }
  }
}

function viewOf(key: string, { usedBy: _, ...token }: JoinTokenRecord): JoinTokenView {
  return { id: idOf(key), ...token };
}

function refused(why: string, hint: string): MpoError {
  return new MpoError("unauthenticated", `the join token ${why}`, { hint });
}
