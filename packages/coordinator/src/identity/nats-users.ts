import { type Fact, fact } from "@mpo/core";
import { Wakeup } from "@mpo/io";
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

/** A device that is revoked is off within a minute of NATS being there. */
const TRY_AGAIN_MS = 5_000;
const PUSH_AGAIN_MS = 600_000;

/** Gives the servers the account with its revocations: when users were revoked, by their public keys. */
export type PushRevocations = (
  revocations: ReadonlyMap<string, number>,
  signal: AbortSignal | undefined,
) => Promise<void>;

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
  readonly #wakeup: Wakeup;
  #isDue = false;
  #pushing: Promise<void> = Promise.resolve();

  constructor(context: StoreContext, options: NatsUsersOptions) {
    this.#context = context;
    this.#options = options;
    this.#wakeup = new Wakeup(context.clock);
    this.#revoked = new WatchedMap(context, {
      bucket: BUCKETS.revoked,
      read: ({ value }) => form.fromBytes(value),
      // What another coordinator has revoked is pushed by it; this push is for servers that it did not reach.
      onChange: () => {
        this.#isDue = true;
        this.#wakeup.wake();
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

  /** Takes users their access: at once, or as soon as NATS is reached. */
  async revoke(publicKeys: readonly string[]): Promise<void> {
    const nowMs = this.#context.clock.now();
    const { result, revision } = await changeEntry(this.#context, { bucket: BUCKETS.revoked, key: KEY }, (current) => {
      const before = current === undefined ? [] : form.fromBytes(current.value).users;
      const others = before.filter(
        ({ key, atMs }) => !publicKeys.includes(key) && atMs > nowMs - this.#options.validMs,
      );
      const next = { users: [...others, ...publicKeys.map((key) => ({ key, atMs: nowMs }))] };
      return { value: form.toBytes(next), result: next };
    });
    this.#revoked.note(KEY, result, revision);
    await this.#push();
    if (this.#isDue) this.#wakeup.wake();
  }

  /** Pushes what is revoked: when that changes, again after a failure, and now and then; until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#push(signal);
      const waitMs = this.#isDue ? TRY_AGAIN_MS : PUSH_AGAIN_MS;
      const wasWoken = await this.#wakeup.sleep(waitMs, signal).catch(() => true);
      // A server may have been replaced since.
      if (!wasWoken && this.revocations.size > 0) this.#isDue = true;
    }
  }

  /** One push at a time, each of all that is revoked: an account takes the place of any other, also of a newer one. */
  #push(signal?: AbortSignal): Promise<void> {
    this.#pushing = this.#pushing.then(async () => {
      if (!this.#isDue || signal?.aborted) return;
      this.#isDue = false;
      try {
        await this.#options.push(this.revocations, signal);
      } catch (err) {
        this.#isDue = true;
        if (!signal?.aborted) this.#context.logger.warn("NATS was not given who is revoked; soon again", { err });
      }
    });
    return this.#pushing;
  }
}
