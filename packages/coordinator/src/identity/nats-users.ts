import { type Fact, fact } from "@mpo/core";
import { BUCKETS } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { recordForm } from "../store/records.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";

const { list, object, text, timestampMs } = fact;

/** As many as fit one value of the store. */
const MAX_REVOKED = 8_000;
const revokedSchema = object({ users: list(object({ key: text(1, 128), atMs: timestampMs() }), 0, MAX_REVOKED) });
type Revoked = Fact<typeof revokedSchema>;
const form = recordForm("revoked-nats-users", revokedSchema);

const KEY = "revoked-nats-users";

/** Gives the servers the account with its revocations: when users were revoked, by their public keys. */
export type PushRevocations = (revocations: ReadonlyMap<string, number>) => Promise<void>;

interface NatsUsersOptions {
  /** Nobody's proof is good for longer, milliseconds: then a revocation may be forgotten. */
  readonly validMs: number;
  readonly push: PushRevocations;
}

/** Users of NATS that were revoked, until their proof has ended anyway. */
export class NatsUsers {
  readonly #context: StoreContext;
  readonly #options: NatsUsersOptions;
  readonly #revoked: WatchedMap<Revoked>;
  #pushing: Promise<void> = Promise.resolve();

  constructor(context: StoreContext, options: NatsUsersOptions) {
    this.#context = context;
    this.#options = options;
    this.#revoked = new WatchedMap(context, {
      bucket: BUCKETS.revoked,
      read: ({ value }) => form.fromBytes(value),
      onChange: () => {
        // What another coordinator has revoked is pushed by it; this push is for servers that it did not reach.
        this.#push().catch((err: unknown) => context.logger.warn("NATS was not given its revocations", { err }));
      },
    });
  }

  get watches(): readonly Watching[] {
    return [this.#revoked];
  }

  /** When users were revoked, by public key. */
  get revocations(): ReadonlyMap<string, number> {
    return new Map((this.#revoked.get(KEY)?.value.users ?? []).map(({ key, atMs }) => [key, atMs]));
  }

  /** Takes a user its access; when it resolves, it has none. */
  async revoke(publicKey: string): Promise<void> {
    const nowMs = this.#context.clock.now();
    const { result, revision } = await changeEntry(this.#context, { bucket: BUCKETS.revoked, key: KEY }, (current) => {
      const before = current === undefined ? [] : form.fromBytes(current.value).users;
      const others = before.filter(({ key, atMs }) => key !== publicKey && atMs > nowMs - this.#options.validMs);
      const next = { users: [...others, { key: publicKey, atMs: nowMs }] };
      return { value: form.toBytes(next), result: next };
    });
    this.#revoked.note(KEY, result, revision);
    await this.#push();
  }

  /** One push at a time, each of all that is revoked: an account takes the place of any other, also of a newer one. */
  #push(): Promise<void> {
    const next = this.#pushing.catch(() => undefined).then(() => this.#options.push(this.revocations));
    this.#pushing = next;
    return next;
  }
}
