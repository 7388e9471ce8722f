import { type Fact, fact, given, MpoError } from "@mpo/core";
import { createOperatorToken, hashSecret } from "@mpo/identity";
import { type AccessTokenView, ROLES, type Role } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { StoreContext } from "../store/change-entry.ts";
import { recordForm } from "../store/records.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import type { Person } from "./person.ts";
import { idOf } from "./token-id.ts";

const { name, object, text, timestampMs, word } = fact;

const tokenSchema = object({
  name: text(1, 64),
  role: word(ROLES),
  tenant: name().optional(),
  expiresAtMs: timestampMs(),
  createdBy: text(1, 128),
  createdAtMs: timestampMs(),
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
  async create(
    order: AccessTokenOrder,
    createdBy: string,
    options: StoreCallOptions = {},
  ): Promise<{ readonly secret: string; readonly token: AccessTokenView }> {
    const nowMs = this.#context.clock.now();
    const { name: holder, role, tenant, validMs } = order;
    const record: AccessTokenRecord = {
      ...{ name: holder, role, expiresAtMs: Math.round(nowMs + validMs), createdBy, createdAtMs: nowMs },
      ...given({ tenant }),
    };
    const secret = createOperatorToken();
    const key = hashSecret(secret);
    const revision = await this.#context.store.create(BUCKETS.access, key, form.toBytes(record), options);
    this.#tokens.note(key, record, revision);
    return { secret, token: { id: idOf(key), ...record } };
  }

  /** Who holds a token. Throws `unauthenticated`. */
  personOf(secret: string): Person {
    const record = this.#tokens.get(hashSecret(secret))?.value;
    if (record === undefined) {
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
    return { ...record, requireGood: () => void this.personOf(secret) };
  }

  /** Those that are still good. */
  list(): readonly AccessTokenView[] {
    const nowMs = this.#context.clock.now();
    return [...this.#tokens.entries()]
      .filter(([, { value }]) => value.expiresAtMs > nowMs)
      .map(([key, { value }]) => ({ id: idOf(key), ...value }));
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
}
