import { type Fact, fact, given, hasCode, MpoError } from "@mpo/core";
import { createOperatorToken, hashSecret } from "@mpo/identity";
import { type AccessTokenView, ROLES, type Role } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { StoreContext } from "../store/change-entry.ts";
import { recordForm } from "../store/records.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import type { Person } from "./person.ts";
import { idOf } from "./token-id.ts";

const { digest, name, object, text, timestampMs, word } = fact;

const NAME_LENGTH = 64;

const tokenSchema = object({
  name: text(1, NAME_LENGTH),
  role: word(ROLES),
  tenant: name().optional(),
  expiresAtMs: timestampMs(),
  createdBy: text(1, 128),
  createdAtMs: timestampMs(),
  /** Absent: it goes with calls, as a person or program has it. */
  use: word(["session", "code"]).optional(),
  /** The token with which somebody signed in to get this one: it ends with it. */
  parent: digest().optional(),
});

/** What is kept of a token; its key is the digest of its secret. */
type AccessTokenRecord = Fact<typeof tokenSchema>;
const form = recordForm("access-token", tokenSchema);

/** A token to be made. */
export interface AccessTokenOrder {
  readonly name: string;
  readonly role: Role;
  readonly tenant?: string | undefined;
  readonly validMs: number;
}

/** A new token, and its secret. */
export interface MadeToken {
  readonly secret: string;
  readonly token: AccessTokenView;
}

/** Of one that is nobody's own to use elsewhere. */
export interface MadeFor {
  readonly use: "session" | "code";
  /** Its own end comes at the latest with that of the proof for which it is made. */
  readonly validMs: number;
}

/** The tokens of people and programs: hashed, with an end, and revocable. */
export class AccessTokens {
  readonly #context: StoreContext;
  readonly #tokens: WatchedMap<AccessTokenRecord>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#tokens = new WatchedMap(context, { bucket: BUCKETS.access, read: ({ value }) => form.fromBytes(value) });
  }

  get watches(): readonly Watching[] {
    return [this.#tokens];
  }

  /** Makes a token; its secret is nowhere else. */
  async create(order: AccessTokenOrder, createdBy: string, options: StoreCallOptions = {}): Promise<MadeToken> {
    const { name: holder, role, tenant, validMs } = order;
    const rights = { name: holder, role, ...given({ tenant }) };
    return await this.#store({ ...rights, createdBy, expiresAtMs: this.#context.clock.now() + validMs }, options);
  }

  /** Makes one for somebody who is proven, with the same rights: the session of a browser, or a code that is good for one. */
  async createFor(person: Person, { use, validMs }: MadeFor, options: StoreCallOptions = {}): Promise<MadeToken> {
    const { name: holder, role, tenant, expiresAtMs = Number.POSITIVE_INFINITY, token } = person;
    const endsAtMs = Math.min(this.#context.clock.now() + validMs, expiresAtMs);
    const rights = { name: holder, role, ...given({ tenant, parent: token }) };
    return await this.#store({ ...rights, use, createdBy: holder, expiresAtMs: endsAtMs }, options);
  }

  /** Uses a code up, and says for whom it was made. Throws `unauthenticated` for all but the first of those who come with one. */
  async redeem(code: string, { signal }: StoreCallOptions = {}): Promise<Person> {
    const key = hashSecret(code);
    const entry = await this.#context.store.get(BUCKETS.access, key, { signal });
    const record = entry && form.fromBytes(entry.value);
    if (entry === undefined || record?.use !== "code") throw usedUp();
    const { revision: expectedRevision } = entry;
    await this.#context.store.delete(BUCKETS.access, key, { signal, expectedRevision }).catch((thrown: unknown) => {
      throw hasCode(thrown, "conflict") ? usedUp() : thrown;
    });
    this.#tokens.forget(key);
    const { name: holder, role, tenant, parent, expiresAtMs } = record;
    if (expiresAtMs <= this.#context.clock.now()) throw usedUp();
    // Whoever asked for it may have lost the right since; and it is that proof with which what follows ends.
    const proof = parent === undefined ? undefined : this.#goodRecord(parent);
    return { name: holder, role, ...given({ tenant, token: parent, expiresAtMs: proof?.expiresAtMs }) };
  }

  /** Who holds a token. Throws `unauthenticated`. */
  personOf(secret: string): Person {
    const key = hashSecret(secret);
    const { name: holder, role, tenant, expiresAtMs } = this.#goodRecord(key);
    const requireGood = (): void => void this.#goodRecord(key);
    return { name: holder, role, expiresAtMs, token: key, requireGood, ...given({ tenant }) };
  }

  /** Whether a token is that of a browser's session. Asks the store for one that another coordinator may just have made. */
  async isSession(secret: string, { signal }: StoreCallOptions = {}): Promise<boolean> {
    const key = hashSecret(secret);
    if (this.#tokens.get(key) === undefined) {
      const entry = await this.#context.store.get(BUCKETS.access, key, { signal });
      if (entry !== undefined) this.#tokens.note(key, form.fromBytes(entry.value), entry.revision);
    }
    return this.#tokens.get(key)?.value.use === "session";
  }

  /** Ends the session of a secret, and says which it was; undefined: it is none. */
  async endSession(secret: string, options: StoreCallOptions = {}): Promise<AccessTokenView | undefined> {
    if (!(await this.isSession(secret, options))) return undefined;
    const key = hashSecret(secret);
    const record = this.#tokens.get(key)?.value;
    await this.#context.store.delete(BUCKETS.access, key, options);
    this.#tokens.forget(key);
    return record && { ...viewOf(key, record), name: record.name };
  }

  /** Those that are still good. */
  list(): readonly AccessTokenView[] {
    const nowMs = this.#context.clock.now();
    return [...this.#tokens.entries()]
      .filter(([, { value }]) => value.expiresAtMs > nowMs && value.use !== "code")
      .map(([key, { value }]) => viewOf(key, value));
  }

  /** Ends a token, and says whose it was. Throws `not-found`. */
  async revoke(id: string, options: StoreCallOptions = {}): Promise<string> {
    for (const [key, { value }] of this.#tokens.entries()) {
      if (idOf(key) !== id) continue;
      await this.#context.store.delete(BUCKETS.access, key, options);
      this.#tokens.forget(key);
      return value.name;
    }
    throw new MpoError("not-found", `there is no access token ${id}`, {
      hint: "List those that are still good: mpo access list.",
    });
  }

  /** Forgets tokens that have expired. */
  async sweep({ signal }: StoreCallOptions = {}): Promise<void> {
    const nowMs = this.#context.clock.now();
    for (const [key, { value }] of [...this.#tokens.entries()]) {
      if (value.expiresAtMs < nowMs) await this.#context.store.delete(BUCKETS.access, key, { signal });
    }
  }

  async #store(
    { expiresAtMs, ...rest }: Omit<AccessTokenRecord, "createdAtMs">,
    options: StoreCallOptions,
  ): Promise<MadeToken> {
    const createdAtMs = this.#context.clock.now();
    const record: AccessTokenRecord = { ...rest, expiresAtMs: Math.round(expiresAtMs), createdAtMs };
    const secret = createOperatorToken();
    const key = hashSecret(secret);
    const revision = await this.#context.store.create(BUCKETS.access, key, form.toBytes(record), options);
    this.#tokens.note(key, record, revision);
    return { secret, token: viewOf(key, record) };
  }

  /** By the digest of its secret; what was made for it ends with it. */
  #goodRecord(key: string): AccessTokenRecord {
    const record = this.#tokens.get(key)?.value;
    if (record === undefined || record.use === "code") {
      throw new MpoError("unauthenticated", "the access token is not known here", {
        hint: "It may be another fleet's, or was revoked: ask an admin for a new one, and log in with it: mpo login.",
      });
    }
    if (record.expiresAtMs <= this.#context.clock.now()) {
      throw new MpoError(
        "unauthenticated",
        `the access token of ${record.name} expired at ${new Date(record.expiresAtMs).toISOString()}`,
        { hint: "Ask an admin for a new one, and log in with it: mpo login." },
      );
    }
    if (record.parent !== undefined) this.#goodRecord(record.parent);
    return record;
  }
}

/** A session is listed as what it is, and what its holder does is still done by its holder. */
function viewOf(key: string, { use, parent: _, name: holder, ...view }: AccessTokenRecord): AccessTokenView {
  const shownName = use === "session" ? `console session of ${holder}`.slice(0, NAME_LENGTH) : holder;
  return { id: idOf(key), name: shownName, ...view };
}

function usedUp(): MpoError {
  return new MpoError("unauthenticated", "the code is not known, was used, or is too old", {
    hint: "Ask for a new one: mpo console.",
  });
}
