import { statfs } from "node:fs/promises";
import { given } from "@mpo/core";
import type { JetStreamManager } from "nats";
import type { StoreUse } from "../../store/state-store.ts";
import type { ReserveOptions } from "./reserve-streams.ts";
import { streamPlans } from "./stream-configs.ts";

/** What the streams of a layout hold and may hold, and what their disk has left. */
export async function readUse(
  manager: JetStreamManager,
  { layout, replicas, folder }: ReserveOptions,
): Promise<StoreUse> {
  const names = new Set(streamPlans(layout, replicas).map(({ name }) => name));
  const streams: StoreUse["streams"][number][] = [];
  for await (const { config, state } of manager.streams.list()) {
    if (!names.has(config.name)) continue;
    streams.push({ name: config.name, usedBytes: state.bytes, limitBytes: config.max_bytes });
  }
  const disk = folder === undefined ? undefined : await statfs(folder);
  return { streams, ...given({ diskFreeBytes: disk && disk.bavail * disk.bsize }) };
}
