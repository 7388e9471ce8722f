import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { MpoError } from "@mpo/core";
import { type Abortable, linkSignals } from "@mpo/io";
import type { JetStreamManager } from "nats";
import { type CopiedRecord, copyStream } from "../../store/copy-store.ts";
import type { StoreReplicas } from "../../store/state-store.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import { natsError } from "../nats-error.ts";
import type { NatsLink } from "../nats-link.ts";
import { checkReplicas } from "./check-replicas.ts";
import { JetstreamLog } from "./jetstream-log.ts";
import { reserveStreams } from "./reserve-streams.ts";
import { streamPlans } from "./stream-configs.ts";

/** Records that are on their way at a time: enough for the server's disk, little for the memory. */
const IN_FLIGHT = 64;

export interface StoreCopyOptions extends Abortable {
  readonly layout: StoreLayout;
  /** Copies of each stream that is made. Default 1. */
  readonly replicas?: number;
}

export interface MakeOptions extends Abortable {
  /** Folder of the server's store, where that is on this machine. */
  readonly folder?: string | undefined;
  /** Where streams of events begin, by name; absent: with 1. */
  readonly firstSequences: ReadonlyMap<string, number>;
}

/** A store as a whole: what is read out of one, and written into an empty one. */
export class StoreCopy {
  readonly #link: NatsLink;
  readonly #log: JetstreamLog;
  readonly #manager: JetStreamManager;
  readonly #options: StoreCopyOptions;

  private constructor(link: NatsLink, log: JetstreamLog, manager: JetStreamManager, options: StoreCopyOptions) {
    this.#link = link;
    this.#log = log;
    this.#manager = manager;
    this.#options = options;
  }

  static async open(link: NatsLink, options: StoreCopyOptions): Promise<StoreCopy> {
    const timeout = link.settings.requestTimeoutMs;
    try {
      const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout });
      const log = new JetstreamLog(link, link.connection.jetstream({ timeout }), manager);
      return new StoreCopy(link, log, manager, options);
    } catch (thrown) {
      throw natsError(thrown, "cannot open JetStream");
    }
  }

  /** Compares the copies that the servers of a cluster hold. */
  async replicas(options: Abortable): Promise<StoreReplicas> {
    const { layout, replicas = 1 } = this.#options;
    return await checkReplicas(this.#link, this.#manager, { layout, replicas, ...options });
  }

  /** The server's release. */
  get serverVersion(): string {
    return this.#link.connection.info?.version ?? "unknown";
  }

  /** Names of the layout's streams that are there. */
  async streams(): Promise<ReadonlySet<string>> {
    const known = new Set(streamPlans(this.#options.layout, 1).map(({ name }) => name));
    const found = new Set<string>();
    try {
      for await (const { config } of this.#manager.streams.list()) if (known.has(config.name)) found.add(config.name);
    } catch (thrown) {
      throw natsError(thrown, "cannot list the streams");
    }
    return found;
  }

  /** A stream's records, as it is at one moment. */
  read(stream: string, options: Abortable = {}): AsyncGenerator<CopiedRecord, void, undefined> {
    return copyStream(this.#log, this.#options.layout, stream, options);
  }

  /** Makes all streams, empty. Throws `unavailable` when there is no room for a store. */
  async make({ folder, firstSequences, signal }: MakeOptions): Promise<void> {
    const { layout, replicas = 1 } = this.#options;
    const making = async (): Promise<void> => {
      await reserveStreams(this.#link, this.#manager, { layout, replicas, folder });
      for (const [name, first] of firstSequences) {
        if (first <= 1) continue;
        // It can only be said when a stream is made; how large it may be is known only now.
        const { config } = await this.#manager.streams.info(name);
        await this.#manager.streams.delete(name);
        await this.#manager.streams.add({ ...config, first_seq: first });
      }
    };
    await this.#link.within(making(), signal, "cannot make the streams");
  }

  /**
   * Writes records into a stream, in order. Events keep their places, which their chain names. Throws `invalid-data` when one
   * cannot.
   */
  async write(
    stream: string,
    records: AsyncIterable<CopiedRecord> | Iterable<CopiedRecord>,
    { signal }: Abortable = {},
  ): Promise<void> {
    using linked = linkSignals(signal);
    // All that is on its way listens.
    setMaxListeners(0, linked.signal);
    const isEvents = this.#options.layout.streams.some(({ name }) => name === stream);
    const one = async ({ subject, value, isDelete, sequence }: CopiedRecord): Promise<void> => {
      const write = { stream, subject, value, isDelete, writeId: randomUUID() };
      const stored = await this.#log.write(write, { signal: linked.signal });
      if (!isEvents || stored.sequence === sequence) return;
      throw new MpoError("invalid-data", `${stream}: entry ${sequence} came to be entry ${stored.sequence}`);
    };
    let waiting: Promise<void>[] = [];
    const settle = async (): Promise<void> => {
      const results = await Promise.allSettled(waiting);
      waiting = [];
      for (const result of results) if (result.status === "rejected") throw result.reason;
    };
    for await (const record of records) {
      // One connection keeps the order.
      waiting.push(one(record));
      if (waiting.length >= IN_FLIGHT) await settle();
    }
    await settle();
  }

  /** Removes the layout's streams. */
  async remove(): Promise<void> {
    for (const name of await this.streams()) await this.#manager.streams.delete(name);
  }
}
