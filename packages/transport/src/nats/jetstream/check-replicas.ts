import { type Abortable, throwIfAborted } from "@mpo/io";
import type { JetStreamManager, StreamInfo } from "nats";
import type { StoreReplicas } from "../../store/state-store.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import type { NatsLink } from "../nats-link.ts";
import { compareReplicas } from "./compare-replicas.ts";
import { holdersOf } from "./replica-holders.ts";
import { openReplicas } from "./replica-reader.ts";
import { streamPlans } from "./stream-configs.ts";

/** What is removed or comes in between the reads of two copies differs once: what stays wrong differs each time. */
const LOOKS = 3;
const PAUSE_MS = 1_000;
/** A copy that lacks one entry has all after it in the wrong place. */
const MOST_DIFFERENCES = 1_000;

type StreamDifference = StoreReplicas["differences"][number];

export interface CheckReplicasOptions extends Abortable {
  readonly layout: StoreLayout;
  readonly replicas: number;
}

/**
 * Compares the copies that the servers of a cluster hold, entry by entry: who wrote it, when, where and how long it is.
 * A server whose disk was full can hold another than the rest (deploy/guides/cluster.md).
 */
export async function checkReplicas(
  link: NatsLink,
  manager: JetStreamManager,
  { layout, replicas, signal }: CheckReplicasOptions,
): Promise<StoreReplicas> {
  const names = streamPlans(layout, replicas).map(({ name }) => name);
  const info = async (name: string): Promise<StreamInfo> =>
    await link.within(manager.streams.info(name), signal, `stream ${name}`);
  const servers = new Set<string>();
  const away = new Set<string>();
  for (const name of names) {
    const [present, absent] = holdersOf((await info(name)).cluster);
    for (const server of [...present, ...absent]) servers.add(server);
    for (const server of absent) away.add(server);
  }
  const found = { servers: [...servers].toSorted(), away: [...away].toSorted() };
  // A reader may be put on a server that is away, and two copies do not show which of them is wrong.
  if (away.size > 0) return { ...found, differences: [] };
  const differences: StreamDifference[] = [];
  for (const name of names) {
    let suspects: ReadonlyMap<string, StreamDifference> | undefined;
    for (let look = 0; look < LOOKS && suspects?.size !== 0; look++) {
      if (look > 0) await link.clock.sleep(PAUSE_MS, { signal });
      const now = await differencesOf(link, manager, { info: await info(name), signal });
      const before = suspects;
      suspects = before === undefined ? now : new Map([...now].filter(([key]) => before.has(key)));
    }
    differences.push(...firstOfEach([...(suspects ?? new Map<string, StreamDifference>()).values()]));
  }
  return { ...found, differences };
}

/** By what and where it is. */
async function differencesOf(
  link: NatsLink,
  manager: JetStreamManager,
  { info, signal }: { readonly info: StreamInfo } & Abortable,
): Promise<ReadonlyMap<string, StreamDifference>> {
  const found = new Map<string, StreamDifference>();
  const { config, state } = info;
  const [servers] = holdersOf(info.cluster);
  if (servers.length < 2) return found;
  const stream = config.name;
  const readers = await openReplicas(link, manager, { stream, servers, upTo: state.last_seq }, { signal });
  try {
    for await (const { sequence, servers: wrong } of compareReplicas(readers)) {
      throwIfAborted(signal);
      for (const server of wrong) {
        const isCertain = wrong.length < servers.length;
        found.set(`${server} ${sequence}`, { stream, server, sequence, isCertain });
      }
      if (found.size >= MOST_DIFFERENCES) break;
    }
  } finally {
    for (const reader of readers) reader[Symbol.dispose]();
  }
  return found;
}

function firstOfEach(differences: readonly StreamDifference[]): readonly StreamDifference[] {
  const servers = new Set(differences.map(({ server }) => server));
  return [...servers].flatMap((server) => differences.find((one) => one.server === server) ?? []);
}
