import { setMaxListeners } from "node:events";
import { MpoError } from "@mpo/core";
import { linkSignals, throwIfAborted } from "@mpo/io";
import { AsyncQueue } from "../async-queue.ts";
import type { Notification, NotifyBus, SubscribeOptions } from "../bus/notify-bus.ts";
import { natsError } from "./nats-error.ts";
import type { NatsLink } from "./nats-link.ts";

const MAX_WAITING = 1024;

/** The bus over NATS' plain messages. Closing it ends its subscriptions; the link stays. */
export class NatsNotifyBus implements NotifyBus {
  readonly #link: NatsLink;
  readonly #ends = new AbortController();

  constructor(link: NatsLink) {
    this.#link = link;
    setMaxListeners(0, this.#ends.signal);
  }

  publish(subject: string, data: Uint8Array): void {
    this.#checkOpen();
    try {
      this.#link.connection.publish(subject, data);
    } catch (thrown) {
      throw natsError(thrown, `cannot publish to ${subject}`);
    }
  }

  async subscribe(subject: string, options: SubscribeOptions): Promise<AsyncIterable<Notification>> {
    this.#checkOpen();
    throwIfAborted(options.signal);
    const linked = linkSignals(options.signal, this.#ends.signal);
    const queue = new AsyncQueue<Notification>({
      maxItems: MAX_WAITING,
      onOverflow: () => ({ kind: "gap" }),
      signal: linked.signal,
    });
    const { connection } = this.#link;
    let stop = (): void => undefined;
    try {
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) queue.push({ kind: "message", subject: message.subject, data: message.data });
          else queue.fail(natsError(error, `subscription to ${subject}`));
        },
      });
      // What was published while the link was down is lost.
      const offReconnect = this.#link.onReconnect(() => queue.push({ kind: "gap" }));
      stop = (): void => {
        offReconnect();
        subscription.unsubscribe();
        linked[Symbol.dispose]();
      };
      linked.signal.addEventListener("abort", () => stop(), { once: true });
      void connection.closed().then(() => queue.end());
      // The answer to a ping comes after the server has read the subscription.
      await this.#link.within(connection.flush(), linked.signal, `cannot subscribe to ${subject}`);
    } catch (thrown) {
      stop();
      queue.end();
      throw natsError(thrown, `cannot subscribe to ${subject}`);
    }
    return queue;
  }

  close(): Promise<void> {
    this.#ends.abort();
    return Promise.resolve();
  }

  #checkOpen(): void {
    if (this.#ends.signal.aborted || this.#link.isClosed) {
      throw new MpoError("unavailable", "the message bus is closed");
    }
  }
}
