import { join } from "node:path";
import { MpoError } from "@mpo/core";
import type { Authority } from "@mpo/identity";
import { systemClock } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import { EmbeddedNatsServer, FLEET_LAYOUT, findNatsServer, NatsLink, runningServer, StoreCopy } from "@mpo/transport";
import { foundAuthority } from "../identity/authority-folder.ts";
import { RunIdentity } from "../run-identity.ts";
import type { EmbeddedNats, ExternalNats } from "../run-options.ts";

export interface FleetPlace {
  readonly nats: EmbeddedNats | ExternalNats;
  /** Folder of the fleet's keys; nothing is made there. */
  readonly authorityFolder: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A fleet's store, open, with the keys that belong to it. */
export interface FleetStore extends AsyncDisposable {
  readonly copy: StoreCopy;
  /** Absent: nobody proves who they are. As it is now: another coordinator may change it. */
  authority(): Promise<Authority | undefined>;
  /** Whether its server ran already. */
  readonly wasRunning: boolean;
}

/** For nats-server alone; devices are shown none. */
const CERTIFICATE_MS = 86_400_000;

/**
 * Opens the store of a coordinator that runs, through its own nats-server, or of one that does not, with a server of ours
 * for as long. Throws `not-found` when there is none.
 */
export async function openFleetStore(place: FleetPlace): Promise<FleetStore> {
  const { nats, authorityFolder, logger, signal } = place;
  const authority = (): Promise<Authority | undefined> => foundAuthority(authorityFolder, { signal });
  const hasKeys = (await authority()) !== undefined;
  if (nats.kind === "external") {
    const identity = hasKeys ? await openIdentity(place) : undefined;
    const plain = nats.credentials === undefined ? {} : { credentials: nats.credentials };
    const proof = identity?.linkSettings("coordinator") ?? plain;
    const link = await NatsLink.open({ servers: nats.servers, name: "backup", ...proof }, { logger, signal });
    return await opened(
      link,
      nats.replicas ?? 3,
      { authority, wasRunning: true, end: () => Promise.resolve() },
      signal,
    );
  }
  const folder = join(nats.folder, "nats");
  const found = await runningServer(folder);
  if (found === undefined) throw new MpoError("not-found", `there is no store in ${folder}`);
  if (found.hasAccounts && !hasKeys) {
    throw new MpoError(
      "precondition-failed",
      `${authorityFolder} lacks the keys that the store in ${folder} belongs to`,
      {
        hint: "Put the authority's folder back, or name the --data folder that has both.",
      },
    );
  }
  const identity = found.hasAccounts ? await openIdentity(place) : undefined;
  if (found.url !== undefined) {
    const settings = { servers: [found.url], name: "backup", ...identity?.linkSettings("coordinator") };
    const link = await NatsLink.open(settings, { logger, signal });
    return await opened(link, 1, { authority, wasRunning: true, end: () => Promise.resolve() }, signal);
  }
  return { ...(await startFleetStore(place, identity)), authority };
}

/** Starts a server on a folder, and opens its store. */
export async function startFleetStore(
  { nats, logger, signal }: FleetPlace,
  identity: RunIdentity | undefined,
): Promise<FleetStore> {
  if (nats.kind === "external") throw new MpoError("internal", "servers of others are not started");
  const { folder, binary: named, searchPath, cacheFolder } = nats;
  const binary = await findNatsServer({ named, searchPath, cacheFolder, signal });
  const identities = identity?.natsServer;
  const server = await EmbeddedNatsServer.start({ binary, folder: join(folder, "nats"), identities, logger, signal });
  const end = (): Promise<void> => server.stop();
  try {
    const proof = identity?.linkSettings("coordinator");
    const link = await NatsLink.open({ servers: [server.address.url], name: "backup", ...proof }, { logger, signal });
    const authority = (): Promise<Authority | undefined> => Promise.resolve(identity?.keys.authority);
    return await opened(link, 1, { authority, wasRunning: false, end }, signal);
  } catch (thrown) {
    await end();
    throw thrown;
  }
}

/** By what a server and its coordinator prove themselves; the folder has keys. */
export async function openIdentity({
  nats,
  authorityFolder: folder,
  logger,
  signal,
}: FleetPlace): Promise<RunIdentity> {
  const common = { clock: systemClock, random: Math.random, logger, addresses: () => [], hosts: [] };
  return await RunIdentity.open({ folder, nats, certificateValidMs: CERTIFICATE_MS, ...common }, signal);
}

async function opened(
  link: NatsLink,
  replicas: number,
  { end, ...rest }: Pick<FleetStore, "authority" | "wasRunning"> & { readonly end: () => Promise<void> },
  signal: AbortSignal,
): Promise<FleetStore> {
  const close = async (): Promise<void> => {
    await link.close();
    await end();
  };
  try {
    const copy = await StoreCopy.open(link, { layout: FLEET_LAYOUT, replicas, signal });
    return { ...rest, copy, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    await link.close();
    throw thrown;
  }
}
