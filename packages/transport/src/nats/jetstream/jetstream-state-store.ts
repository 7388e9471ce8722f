import { randomUUID } from "node:crypto";
import { statfs } from "node:fs/promises";
import { MpoError } from "@mpo/core";
import type { JetStreamManager } from "nats";
import { fitLayout, STORE_NEEDS_BYTES } from "../../store/fit-layout.ts";
import { LogStateStore } from "../../store/log-state-store.ts";
import type { StateStore } from "../../store/state-store.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import { natsError } from "../nats-error.ts";
import type { NatsLink } from "../nats-link.ts";
import { checkSync, requireVersion } from "../server/server-checks.ts";
import { ensureStreams } from "./ensure-streams.ts";
import { JetstreamLog } from "./jetstream-log.ts";

export interface JetstreamStoreOptions {
  readonly layout: StoreLayout;
  /** Copies of each stream: 1 on one box, 3 on a cluster. Default 1. */
  readonly replicas?: number;
  /** Monitoring ports of the servers ("http://127.0.0.1:8222"), to see whether they sync. Default: none. */
  readonly monitorUrls?: readonly string[];
  /** Go on although a power cut may lose acknowledged writes. Default false. */
  readonly allowsAsync?: boolean;
  /** Folder of the server's store, where that is on this machine: streams reserve what its disk has, no more. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
}

/**
 * The coordinator's store on JetStream: checks the server (version, syncing, consumers), makes or brings the streams to
 * the layout, and opens. Throws `precondition-failed`, with what to do, when the server does not keep our promises.
 * `close` of the store leaves the link open.
 */
export async function openJetstreamStore(link: NatsLink, options: JetstreamStoreOptions): Promise<StateStore> {
  const { layout, replicas = 1, monitorUrls = [], allowsAsync = false, folder, signal } = options;
  const where = link.connection.getServer();
  requireVersion(link.connection.info?.version ?? "unknown", where);
  const sync = await checkSync({ monitorUrls, allowsAsync, signal });
  if (sync !== "always") {
    link.logger.warn("a power cut may lose acknowledged writes", { sync, server: where });
  }
  if (link.connection.info?.jetstream !== true) {
    throw new MpoError("precondition-failed", `nats-server at ${where} has no JetStream`, {
      hint: "Start it with a jetstream block, with sync_interval: always.",
    });
  }
  const store = await openExistingStore(link, layout);
  const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout: link.settings.requestTimeoutMs });
  const prepare = async (): Promise<void> => {
    const fitted = folder === undefined ? layout : await fitToDisk(link, manager, layout, folder);
    await ensureStreams(manager, fitted, replicas);
  };
  await link.within(prepare(), signal, "cannot prepare the streams");
  return store;
}

async function fitToDisk(
  { logger }: NatsLink,
  manager: JetStreamManager,
  layout: StoreLayout,
  folder: string,
): Promise<StoreLayout> {
  const heldBytes = new Map<string, number>();
  for await (const { config, state } of manager.streams.list()) heldBytes.set(config.name, state.bytes);
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (heldBytes.size > 0 && freeBytes < STORE_NEEDS_BYTES) {
    const hint = "Free space there: writes that do not fit are refused.";
    logger.warn("the store's disk is almost full", { folder, freeBytes, neededBytes: STORE_NEEDS_BYTES, hint });
  }
  return fitLayout(layout, { folder, freeBytes, heldBytes });
}

/**
 * The store as somebody uses it who may not make or check streams: a device that reads its own document with
 * `get(bucket, key, { consistency: "any" })`.
 */
export async function openExistingStore(link: NatsLink, layout: StoreLayout): Promise<StateStore> {
  const timeout = link.settings.requestTimeoutMs;
  try {
    const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout });
    const log = new JetstreamLog(link, link.connection.jetstream({ timeout }), manager);
    return new LogStateStore({ log, layout, clock: link.clock, random: link.random, newId: randomUUID });
  } catch (thrown) {
    throw natsError(thrown, "cannot open JetStream");
  }
}
