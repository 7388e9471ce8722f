import { backOffSchedule, isTransient, type Logger, retry } from "@mpo/runtime";
import {
  type EmbeddedNatsServer,
  FLEET_LAYOUT,
  type NatsLink,
  openJetstreamStore,
  type StateStore,
} from "@mpo/transport";
import type { RunIdentity } from "./run-identity.ts";
import type { EmbeddedNats, ExternalNats } from "./run-options.ts";

interface StoreParts {
  readonly nats: EmbeddedNats | ExternalNats;
  /** Of this machine, where `nats` is. */
  readonly server: EmbeddedNatsServer | undefined;
  readonly identity: RunIdentity | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A cluster that has just lost a server needs up to ten seconds to choose who leads in its place. */
const WAITS = { baseMs: 500, capMs: 3_000, waits: 6 } as const;

/** Opens the store over a link, and shares the fleet's keys by it. */
export async function openStore(link: NatsLink, parts: StoreParts): Promise<StateStore> {
  const { nats, server, identity, logger, signal } = parts;
  const open = async (): Promise<StateStore> => {
    if (nats.kind === "external") await identity?.check(link, nats.servers, signal);
    const { replicas = 3, monitorUrls = [], allowsAsync = false } = nats.kind === "external" ? nats : { replicas: 1 };
    const own = server === undefined ? { monitorUrls } : { monitorUrls: [server.address.monitorUrl] };
    const place = nats.kind === "embedded" ? { folder: nats.folder } : {};
    const common = { layout: FLEET_LAYOUT, replicas, allowsAsync, signal };
    const store = await openJetstreamStore(link, { ...common, ...own, ...place });
    await identity?.share(store, signal);
    return store;
  };
  if (nats.kind === "embedded") return await open();
  return await retry(open, {
    schedule: backOffSchedule({ ...WAITS, random: Math.random }),
    signal,
    // What a server seems to lack may only not have come yet: one that starts has no JetStream for some moments.
    isRetryable: (thrown) => isTransient(thrown) || isTransient((thrown as Error).cause),
    onFailure: (err, attempt, waitMs) => logger.warn("the cluster does not serve yet", { err, attempt, waitMs }),
  });
}
