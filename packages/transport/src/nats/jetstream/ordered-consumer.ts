import { linkSignals } from "@mpo/io";
import { Waits } from "@mpo/runtime";
import {
  AckPolicy,
  type ConsumerConfig,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  nanos,
  ReplayPolicy,
} from "nats";
import { AsyncQueue } from "../../async-queue.ts";
import type { ConsumeOptions, LogDelivery } from "../../store/store-log.ts";
import { natsError } from "../nats-error.ts";
import type { NatsLink } from "../nats-link.ts";
import { type Delivered, deliveredOf, recordOfMessage } from "./record-headers.ts";

const HEARTBEAT_MS = 2_000;
/** Silence after which the consumer is taken for dead. */
const SILENCE_MS = 2.5 * HEARTBEAT_MS;
/** A consumer whose reader is gone is removed by the server after this, so that crashes leave none. */
const INACTIVE_MS = 30_000;

/** `again`: something was missed, or the consumer is dead: make a new one. */
type Item = { readonly kind: "message"; readonly message: Msg } | { readonly kind: "again"; readonly why: string };

/**
 * Delivers a stream's records in order through a consumer that the server keeps in memory, and makes a new one whenever
 * the connection came back, a delivery is missing or heartbeats stay away. Made by hand, for two things that the
 * library's own ordered consumer lacks: it says when the stream went back in time (`reset`), and it never ends.
 */
export async function* consumeOrdered(
  link: NatsLink,
  manager: JetStreamManager,
  stream: string,
  options: ConsumeOptions,
): AsyncGenerator<LogDelivery, void, undefined> {
  using linked = linkSignals(options.signal);
  const { signal } = linked;
  void link.connection.closed().then(() => linked.abort());
  const waits = new Waits({ baseMs: 100, capMs: 5000, random: link.random });
  let created: string | undefined;
  let cursor = typeof options.from === "number" ? options.from - 1 : 0;
  let isFirst = true;
  let isCaughtUp = false;
  while (!signal.aborted) {
    const queue = new AsyncQueue<Item>({ signal });
    const run = new ConsumerRun(link, manager, stream, queue);
    try {
      const info = await link.within(manager.streams.info(stream), signal, `stream ${stream}`);
      if (created !== undefined && (created !== String(info.created) || info.state.last_seq < cursor)) {
        yield { kind: "reset" };
        cursor = typeof options.from === "number" ? options.from - 1 : 0;
        isFirst = true;
        isCaughtUp = false;
      }
      created = String(info.created);
      const pending = await run.start(start(options, cursor, isFirst), signal);
      isFirst = false;
      waits.succeeded();
      if (pending === 0 && !isCaughtUp) {
        isCaughtUp = true;
        yield { kind: "caught-up" };
      }
      for await (const item of queue) {
        if (item.kind === "again") {
          link.logger.debug("restarting a watch", { stream, why: item.why, after: cursor });
          break;
        }
        const delivered = run.accept(item.message);
        if (delivered === "missed") break;
        if (delivered === undefined) continue;
        cursor = delivered.sequence;
        yield { kind: "record", record: recordOfMessage(item.message, delivered) };
        if (delivered.pending === 0 && !isCaughtUp) {
          isCaughtUp = true;
          yield { kind: "caught-up" };
        }
      }
    } catch (thrown) {
      const error = natsError(thrown, `watching ${stream}`);
      if (signal.aborted) return;
      if (!["unavailable", "timed-out", "not-found", "internal"].includes(error.code)) throw error;
      link.logger.warn("a watch could not start; trying again", { stream, err: error });
    } finally {
      run.stop();
      queue.end();
    }
    if (!signal.aborted) await link.clock.sleep(waits.next(), { signal }).catch(() => undefined);
  }
}

/** What differs from consumer to consumer. */
function start({ subject, from }: ConsumeOptions, cursor: number, isFirst: boolean): Partial<ConsumerConfig> {
  const filter = { filter_subject: subject };
  if (from === "last-per-subject" && (isFirst || cursor === 0)) {
    return { ...filter, deliver_policy: DeliverPolicy.LastPerSubject };
  }
  return { ...filter, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: cursor + 1 };
}

/** One consumer on the server, from its making to its end. */
class ConsumerRun {
  readonly #link: NatsLink;
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #queue: AsyncQueue<Item>;
  readonly #ends = new AbortController();
  #name: string | undefined;
  #deliveries = 0;
  #heardMs = 0;

  constructor(link: NatsLink, manager: JetStreamManager, stream: string, queue: AsyncQueue<Item>) {
    this.#link = link;
    this.#manager = manager;
    this.#stream = stream;
    this.#queue = queue;
  }

  /** Makes the consumer; returns how many records wait for it. */
  async start(config: Partial<ConsumerConfig>, signal: AbortSignal): Promise<number> {
    const inbox = createInbox(this.#link.settings.inboxPrefix);
    const subscription = this.#link.connection.subscribe(inbox, {
      callback: (error, message) => {
        this.#heardMs = this.#link.clock.monotonicMs();
        if (error === null) this.#queue.push({ kind: "message", message });
        else this.#queue.push({ kind: "again", why: error.message });
      },
    });
    const offReconnect = this.#link.onReconnect(() => this.#queue.push({ kind: "again", why: "reconnected" }));
    this.#ends.signal.addEventListener("abort", () => {
      offReconnect();
      subscription.unsubscribe();
    });
    const adding = this.#manager.consumers.add(this.#stream, {
      ...config,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      deliver_subject: inbox,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(INACTIVE_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    const info = await this.#link.within(adding, signal, `consumer of ${this.#stream}`);
    this.#name = info.name;
    void this.#watchSilence();
    // What came in before the answer was counted as pending, or was already delivered: the records show both.
    return info.num_pending + info.delivered.consumer_seq;
  }

  /** The record of a message; undefined for a heartbeat, "missed" when a delivery was lost. */
  accept(message: Msg): Delivered | "missed" | undefined {
    const status = message.headers?.code ?? 0;
    if (status === 100) {
      const stalled = message.headers?.get("Nats-Consumer-Stalled") ?? "";
      // Answered only here, after everything before it was read: that is what holds a fast server back.
      if (message.reply !== undefined && message.reply !== "") message.respond();
      else if (stalled !== "") this.#link.connection.publish(stalled);
      const last = message.headers?.get("Nats-Last-Consumer") ?? "";
      return last !== "" && Number(last) !== this.#deliveries ? "missed" : undefined;
    }
    if (status !== 0) return "missed";
    const delivered = deliveredOf(message);
    if (delivered === undefined || delivered.delivery !== this.#deliveries + 1) return "missed";
    this.#deliveries = delivered.delivery;
    return delivered;
  }

  /** Ends it here at once, and on the server as soon as it can be reached. */
  stop(): void {
    this.#ends.abort();
    const { connection } = this.#link;
    if (this.#name === undefined || connection.isClosed()) return;
    connection.publish(`$JS.API.CONSUMER.DELETE.${this.#stream}.${this.#name}`);
  }

  async #watchSilence(): Promise<void> {
    const { clock } = this.#link;
    this.#heardMs = clock.monotonicMs();
    const { signal } = this.#ends;
    while (!signal.aborted) {
      await clock.sleep(HEARTBEAT_MS, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      if (clock.monotonicMs() - this.#heardMs > SILENCE_MS) {
        this.#queue.push({ kind: "again", why: "no heartbeat" });
        return;
      }
    }
  }
}
