import { randomUUID } from "node:crypto";
import { MpoError } from "@mpo/core";
import { LogStateStore } from "../../store/log-state-store.ts";
import type { StateStore, StoreCallOptions, StoreReplicas, StoreUse } from "../../store/state-store.ts";
import type { StoreLayout } from "../../store/store-layout.ts";
import { natsError } from "../nats-error.ts";
import type { NatsLink } from "../nats-link.ts";
import { checkSync, requireVersion } from "../server/server-checks.ts";
import { checkReplicas } from "./check-replicas.ts";
import { JetstreamLog } from "./jetstream-log.ts";
import { reserveStreams } from "./reserve-streams.ts";
import { readUse } from "./stream-use.ts";

export interface JetstreamStoreOptions {
  readonly layout: StoreLayout;
  /** Copies of each stream: 1 on one box, 3 on a cluster. Default 1. */
  readonly replicas?: number;
  /** Monitoring ports of the servers ("http://127.0.0.1:8222"), to see whether they sync. Default: none. */
  readonly monitorUrls?: readonly string[];
  /** Go on although a power cut may lose acknowledged writes. Default false. */
  readonly allowsAsync?: boolean;
  /** Folder of the server's store, where that is on this machine: streams reserve what its disk has, else what the cluster allows. */
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
  const store = await openExistingStore(link, layout, { replicas });
  const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout: link.settings.requestTimeoutMs });
  const reserve = async ({ signal: asked }: StoreCallOptions): Promise<void> => {
    const reserving = reserveStreams(link, manager, { layout, replicas, folder });
    await link.within(reserving, asked, "cannot prepare the streams");
  };
  await reserve(signal === undefined ? {} : { signal });
  const use = async ({ signal: asked }: StoreCallOptions): Promise<StoreUse> =>
    await link.within(readUse(manager, { layout, replicas, folder }), asked, "cannot read how full the store is");
  const compare = async ({ signal: asked }: StoreCallOptions): Promise<StoreReplicas> =>
    await checkReplicas(link, manager, { layout, replicas, signal: asked });
  return Object.assign(store, { reserve, use, ...(replicas === 1 ? {} : { replicas: compare }) });
}

/**
 * The store for a user that may not make or check streams: a device that reads its own document with
 * `get(bucket, key, { consistency: "any" })`.
 */
export async function openExistingStore(
  link: NatsLink,
  layout: StoreLayout,
  { replicas = 1 }: Pick<JetstreamStoreOptions, "replicas"> = {},
): Promise<StateStore> {
  const timeout = link.settings.requestTimeoutMs;
  try {
    const manager = await link.connection.jetstreamManager({ checkAPI: false, timeout });
    const log = new JetstreamLog(link, link.connection.jetstream({ timeout }), manager);
    return new LogStateStore({
      log,
      layout,
      clock: link.clock,
      random: link.random,
      newId: randomUUID,
      isCluster: replicas > 1,
    });
  } catch (thrown) {
    throw natsError(thrown, "cannot open JetStream");
  }
}
