import { statfs } from "node:fs/promises";
import { given } from "@mpo/core";
import type { JetStreamManager } from "nats";
import type { StoreUse } from "../../store/state-store.ts";
import { holdersOf } from "./replica-holders.ts";
import type { ReserveOptions } from "./reserve-streams.ts";
import { streamPlans } from "./stream-configs.ts";

/** What the streams of a layout hold and may hold, and what their disk has left. */
export async function readUse(
  manager: JetStreamManager,
  { layout, replicas, folder }: ReserveOptions,
): Promise<StoreUse> {
  const names = new Set(streamPlans(layout, replicas).map(({ name }) => name));
  const streams: StoreUse["streams"][number][] = [];
  const servers = new Map<string, { readonly name: string; readonly isAway: boolean }>();
  for await (const { config, state, cluster } of manager.streams.list()) {
    if (!names.has(config.name)) continue;
    const [present, away] = holdersOf(cluster);
    for (const name of present) if (!servers.has(name)) servers.set(name, { name, isAway: false });
    for (const name of away) servers.set(name, { name, isAway: true });
    streams.push({ name: config.name, usedBytes: state.bytes, limitBytes: config.max_bytes });
  }
  const disk = folder === undefined ? undefined : await statfs(folder);
  return { streams, servers: [...servers.values()], ...given({ diskFreeBytes: disk && disk.bavail * disk.bsize }) };
}
