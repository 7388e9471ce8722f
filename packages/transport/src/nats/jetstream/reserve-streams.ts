import { statfs } from "node:fs/promises";
import { formatBytes, MpoError } from "@mpo/core";
import type { JetStreamManager } from "nats";
import { fitLayout, fullRoom, roomOn, STORE_NEEDS_BYTES, withSizes } from "../../store/fit-layout.ts";
import { STREAM_LOSSES } from "../../store/fleet-layout.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import { isStorageRefusal } from "../nats-error.ts";
import type { NatsLink } from "../nats-link.ts";
import { ensureStreams } from "./ensure-streams.ts";
import { streamPlans } from "./stream-configs.ts";

const HINT = "Raise max_file_store of the servers or the account's limit (max_file), or remove other streams.";

export interface ReserveOptions {
  readonly layout: StoreLayout;
  readonly replicas: number;
  /** Folder of the server's store, where that is on this machine; undefined: what its cluster allows counts. */
  readonly folder: string | undefined;
}

/**
 * Makes the streams of a layout or brings them to it, with what there is for them now. Throws `unavailable`, with what is
 * needed, when that is too little for a new store.
 */
export async function reserveStreams(
  { logger, connection }: NatsLink,
  manager: JetStreamManager,
  { layout, replicas, folder }: ReserveOptions,
): Promise<void> {
  const heldBytes = new Map<string, number>();
  const reservedBytes = new Map<string, number>();
  const names = new Set(streamPlans(layout, replicas).map(({ name }) => name));
  for await (const { config, state } of manager.streams.list()) {
    if (!names.has(config.name)) continue;
    heldBytes.set(config.name, state.bytes);
    reservedBytes.set(config.name, config.max_bytes);
  }
  for (const stream of names) {
    if (heldBytes.size === 0 || heldBytes.has(stream)) continue;
    logger.warn("a stream of the store is gone: an empty one takes its place", { stream, lost: STREAM_LOSSES[stream] });
  }
  if (folder !== undefined) {
    const { bavail, bsize } = await statfs(folder);
    const freeBytes = bavail * bsize;
    if (heldBytes.size > 0 && freeBytes < STORE_NEEDS_BYTES) {
      const hint = "Free space there: writes that do not fit are refused.";
      logger.warn("the store's disk is almost full", { folder, freeBytes, neededBytes: STORE_NEEDS_BYTES, hint });
    }
    await ensureStreams(manager, fitLayout(layout, roomOn({ folder, freeBytes, heldBytes })), replicas);
    return;
  }
  // What servers have left beside other accounts' streams is not reported: it is tried, from little to much, because a cluster
  // that has given all refuses every change, also to less.
  const mostBytes = Math.min(fullRoom(layout), await accountRoom(manager, replicas));
  const keep = (stream: string, maxBytes: number): number => Math.max(maxBytes, reservedBytes.get(stream) ?? 0);
  const rooms = [0];
  for (let room = STORE_NEEDS_BYTES; room < mostBytes; room *= 2) rooms.push(room);
  for (const roomBytes of [...rooms, mostBytes]) {
    // First what every store has, or keeps.
    const fitted = fitLayout(layout, { roomBytes, heldBytes: roomBytes === 0 ? new Map() : heldBytes });
    try {
      await ensureStreams(manager, withSizes(fitted, keep), replicas);
    } catch (thrown) {
      if (!isStorageRefusal(thrown)) throw thrown;
      if (roomBytes > 0) {
        const facts = { neededBytes: STORE_NEEDS_BYTES, why: thrown.message, hint: HINT };
        if (roomBytes === STORE_NEEDS_BYTES) logger.warn("JetStream has little for the store", facts);
        return;
      }
      const copies = replicas === 1 ? "" : ` for each of its ${replicas} copies`;
      throw new MpoError(
        "unavailable",
        `a new store needs ${formatBytes(STORE_NEEDS_BYTES)} of JetStream at ${connection.getServer()}${copies}: ${thrown.message}`,
        { hint: HINT, cause: thrown },
      );
    }
  }
}

/** What an account may use for each copy; infinite: it has no limit of its own. */
async function accountRoom(manager: JetStreamManager, replicas: number): Promise<number> {
  const { tiers = {}, limits } = await manager.getAccountInfo();
  const tier = (tiers as Readonly<Record<string, { readonly limits: typeof limits } | undefined>>)[`R${replicas}`];
  // Without tiers each copy counts.
  const bytes = tier === undefined ? limits.max_storage / replicas : tier.limits.max_storage;
  return bytes < 0 ? Number.POSITIVE_INFINITY : bytes;
}
