import { hasCode, MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import type { JetStreamClient, JetStreamManager } from "nats";
import type { ConsumeOptions, LogDelivery, LogRecord, LogWrite, StoreLog, Written } from "../../store/store-log.ts";
import type { NatsLink } from "../nats-link.ts";
import { consumeOrdered } from "./ordered-consumer.ts";
import { headersOf, recordOfDirect, recordOfStored } from "./record-headers.ts";

/** `StoreLog` over JetStream. Closing it leaves the link alone. */
export class JetstreamLog implements StoreLog {
  readonly #link: NatsLink;
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;

  constructor(link: NatsLink, client: JetStreamClient, manager: JetStreamManager) {
    this.#link = link;
    this.#client = client;
    this.#manager = manager;
  }

  async write(write: LogWrite, options: Abortable = {}): Promise<Written> {
    this.#checkOpen();
    const { stream, subject, value, writeId, expected } = write;
    const publishing = this.#client.publish(subject, value, {
      msgID: writeId,
      headers: headersOf(write),
      expect: { streamName: stream, ...(expected === undefined ? {} : { lastSubjectSequence: expected }) },
    });
    const { seq, duplicate } = await this.#link.within(publishing, options.signal, `cannot write ${subject}`);
    return { sequence: seq, isDuplicate: duplicate };
  }

  async last(
    stream: string,
    subject: string,
    options: Abortable & { readonly consistency?: "leader" | "any" } = {},
  ): Promise<LogRecord | undefined> {
    this.#checkOpen();
    const what = `cannot read ${subject}`;
    if (options.consistency === "any") {
      // By hand: the library's own types hide direct get. The subject stands in the request's, so that permissions hold.
      const timeout = this.#link.settings.requestTimeoutMs;
      const asking = this.#link.connection.request(`$JS.API.DIRECT.GET.${stream}.${subject}`, "", { timeout });
      return recordOfDirect(await this.#link.within(asking, options.signal, what));
    }
    try {
      const asking = this.#manager.streams.getMessage(stream, { last_by_subj: subject });
      return recordOfStored(await this.#link.within(asking, options.signal, what));
    } catch (thrown) {
      if (hasCode(thrown, "not-found") && !isNoStream(thrown)) return undefined;
      throw thrown;
    }
  }

  consume(stream: string, options: ConsumeOptions): AsyncIterable<LogDelivery> {
    return consumeOrdered(this.#link, this.#manager, stream, options);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #checkOpen(): void {
    if (this.#link.isClosed) throw new MpoError("unavailable", "the connection to NATS is closed");
  }
}

function isNoStream({ message }: MpoError): boolean {
  return message.includes("stream not found");
}
