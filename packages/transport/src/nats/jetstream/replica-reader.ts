import { MpoError } from "@mpo/core";
import { type Abortable, linkSignals } from "@mpo/io";
import { AckPolicy, createInbox, DeliverPolicy, type JetStreamManager, type Msg, nanos, ReplayPolicy } from "nats";
import { AsyncQueue } from "../../async-queue.ts";
import type { NatsLink } from "../nats-link.ts";
import type { ReplicaEntry, ReplicaReader } from "./compare-replicas.ts";
import { deliveredOf } from "./record-headers.ts";

const PAGE = 1_000;
const PAGE_TIMEOUT_MS = 5_000;
/** A consumer whose reader is gone is removed by the server after this. */
const INACTIVE_MS = 30_000;
/** A server puts a consumer on any of those that hold the stream: of three, each comes within so many but for one time in 10^7. */
const TRIES = 40;

/**
 * Reads each server's own copy of a stream, without the values: a consumer that is kept once reads the copy of the server
 * on which it is. Throws `unavailable` where a server that should have a copy gets no consumer.
 */
export async function openReplicas(
  link: NatsLink,
  manager: JetStreamManager,
  { stream, servers, upTo }: { readonly stream: string; readonly servers: readonly string[]; readonly upTo: number },
  { signal }: Abortable,
): Promise<readonly (ReplicaReader & Disposable)[]> {
  const found = new Map<string, JetstreamReplica>();
  const config = {
    ...{ ack_policy: AckPolicy.None, deliver_policy: DeliverPolicy.All, replay_policy: ReplayPolicy.Instant },
    ...{ headers_only: true, mem_storage: true, num_replicas: 1, inactive_threshold: nanos(INACTIVE_MS) },
  };
  try {
    for (let attempt = 0; attempt < TRIES && found.size < servers.length; attempt++) {
      const adding = manager.consumers.add(stream, config);
      const info = await link.within(adding, signal, `consumer of ${stream}`);
      const replica = new JetstreamReplica(link, info.cluster?.leader ?? "", { stream, name: info.name, upTo });
      if (servers.includes(replica.server) && !found.has(replica.server)) found.set(replica.server, replica);
      else replica[Symbol.dispose]();
    }
    const missed = servers.find((server) => !found.has(server));
    if (missed !== undefined) throw new MpoError("unavailable", `${missed} does not read its copy of ${stream}`);
    return [...found.values()];
  } catch (thrown) {
    for (const replica of found.values()) replica[Symbol.dispose]();
    throw thrown;
  }
}

class JetstreamReplica implements ReplicaReader, Disposable {
  readonly server: string;
  readonly #link: NatsLink;
  readonly #consumer: { readonly stream: string; readonly name: string; readonly upTo: number };
  #isOver = false;

  constructor(link: NatsLink, server: string, consumer: { stream: string; name: string; upTo: number }) {
    this.server = server;
    this.#link = link;
    this.#consumer = consumer;
  }

  async page(): Promise<readonly ReplicaEntry[]> {
    const { connection, settings } = this.#link;
    const { stream, name, upTo } = this.#consumer;
    if (this.#isOver || upTo === 0) return [];
    const lost = linkSignals();
    const queue = new AsyncQueue<Msg>({ signal: lost.signal });
    const inbox = createInbox(settings.inboxPrefix);
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) queue.push(message);
      },
    });
    const asked = { batch: PAGE, no_wait: true };
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, JSON.stringify(asked), { reply: inbox });
    const late = setTimeout(() => lost.abort(), PAGE_TIMEOUT_MS);
    const entries: ReplicaEntry[] = [];
    try {
      for await (const message of queue) {
        const delivered = deliveredOf(message);
        if (delivered === undefined) {
          // No more than these are there.
          this.#isOver = [404, 408].includes(message.headers?.code ?? 0);
          if (this.#isOver) return entries;
          break;
        }
        const { sequence, pending } = delivered;
        if (sequence <= upTo) entries.push({ sequence, mark: markOf(message) });
        this.#isOver = sequence >= upTo || pending === 0;
        if (this.#isOver || entries.length === PAGE) return entries;
      }
      throw new MpoError("unavailable", `${this.server} does not read its copy of ${stream} on`);
    } finally {
      clearTimeout(late);
      subscription.unsubscribe();
      lost[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    const { connection } = this.#link;
    const { stream, name } = this.#consumer;
    if (!connection.isClosed()) connection.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`);
  }
}

/** Who wrote it, when, where and how long it is: a message's identity is drawn once. */
function markOf({ subject, headers, reply = "" }: Msg): string {
  const parts = reply.split(".");
  // In nanoseconds, which a number does not hold.
  const time = parts[parts.length === 9 ? 7 : 9];
  return [subject, time, headers?.get("Nats-Msg-Id"), headers?.get("Nats-Msg-Size")].join(" ");
}
