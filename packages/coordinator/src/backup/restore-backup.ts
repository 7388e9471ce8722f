import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { type Authority, epochOf, writeAuthority } from "@mpo/identity";
import { makeFolder, syncFolder } from "@mpo/io";
import { claimFolder } from "@mpo/runtime";
import { runningServer, type StoreCopy } from "@mpo/transport";
import { foundAuthority } from "../identity/authority-folder.ts";
import type { EmbeddedNats } from "../run-options.ts";
import type { BackupManifest } from "./backup-form.ts";
import { type FleetPlace, openFleetStore, openIdentity, startFleetStore } from "./fleet-store.ts";
import { StreamDigest } from "./stream-digest.ts";
import { backedUpRecords, isEvents, verifyBackup } from "./verify-backup.ts";

export interface RestoreOptions extends FleetPlace {
  readonly path: string;
  /** Move a store that is there out of the way. Default false: throws `already-exists`. */
  readonly replaces: boolean;
}

export interface RestoredBackup {
  readonly manifest: BackupManifest;
  /** Where what was there lies now. */
  readonly setAside?: string;
  /** Whether the keys that were there stay: they are newer than those of the backup. */
  readonly keptKeys: boolean;
}

const STOP = "Stop the coordinator first.";
const WORK = "restoring";

/**
 * Puts the store of a backup, and the fleet's keys, where a coordinator finds them. The store is made aside, read back,
 * and moved into place when it is whole. Throws `already-exists` where a coordinator runs, or a store is that is not to be
 * replaced, and `precondition-failed` for another fleet's.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoredBackup> {
  const { path, nats, signal } = options;
  const { manifest, authority } = await verifyBackup(path, signal);
  const there = await foundAuthority(options.authorityFolder, { signal });
  if (there !== undefined && there.fleetId !== authority?.fleetId) {
    throw new MpoError(
      "precondition-failed",
      `${path} is of ${authority?.fleetId ?? "a fleet without keys"}, and ${options.authorityFolder} of ${there.fleetId}`,
      { hint: "Restore it into an empty folder: --data FOLDER." },
    );
  }
  const isNewer = there !== undefined && authority !== undefined && epochOf(there) >= epochOf(authority);
  const keys = isNewer ? there : authority;
  if (nats.kind === "external") {
    await intoCluster(options, manifest, keys);
    return { manifest, keptKeys: isNewer };
  }
  const setAside = await intoFolder({ ...options, nats }, manifest, keys);
  return { manifest, keptKeys: isNewer, ...(setAside === undefined ? {} : { setAside }) };
}

async function intoFolder(
  options: RestoreOptions & { readonly nats: EmbeddedNats },
  manifest: BackupManifest,
  keys: Authority | undefined,
): Promise<string | undefined> {
  const { nats, path, replaces, authorityFolder, signal } = options;
  const { folder } = nats;
  const store = join(folder, "nats");
  await makeFolder(folder, { mode: 0o700 });
  await using _alone = await claimFolder(folder, { hint: "Another restore runs." });
  const hasStore = (await runningServer(store)) !== undefined;
  if (hasStore) await requireUnused(store);
  if (hasStore && !replaces) {
    throw new MpoError("already-exists", `there is a store in ${store}`, {
      hint: "Restore into another folder (--data FOLDER), or move that store aside first: --replace.",
    });
  }
  const work = join(folder, WORK);
  await rm(work, { recursive: true, force: true });
  await makeFolder(work, { mode: 0o700 });
  try {
    const place = { ...options, nats: { ...nats, folder: work }, authorityFolder: join(work, "authority") };
    if (keys !== undefined) await writeAuthority(place.authorityFolder, keys, { signal });
    const identity = keys === undefined ? undefined : await openIdentity(place);
    {
      await using made = await startFleetStore(place, identity);
      await fill(made.copy, path, manifest, { folder: work, signal });
    }
    const aside = hasStore ? await moveAside(folder, store) : undefined;
    // The keys first: a store without them would be taken for another fleet's.
    if (keys !== undefined) await writeAuthority(authorityFolder, keys, { signal });
    await removeEmpty(store);
    await rename(join(work, "nats"), store);
    await syncFolder(folder);
    return aside;
  } finally {
    await rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Throws `already-exists` while something uses a store. */
async function requireUnused(store: string): Promise<void> {
  await using _claim = await claimFolder(store, { hint: STOP });
  if ((await runningServer(store))?.url === undefined) return;
  throw new MpoError("already-exists", `a nats-server uses ${store}`, {
    hint: "It was left by a crash: start the coordinator, stop it, and try again.",
  });
}

async function moveAside(folder: string, store: string): Promise<string> {
  const target = join(folder, "set-aside", new Date().toISOString().replaceAll(/[:.]/gu, "-"));
  await makeFolder(target, { mode: 0o700 });
  await rename(store, join(target, "nats"));
  return target;
}

/** A folder in which a server left nothing but its log and its lock; anything else stays, and is in the way. */
async function removeEmpty(store: string): Promise<void> {
  if ((await stat(store).catch(() => undefined)) === undefined) return;
  if ((await runningServer(store)) === undefined) await rm(store, { recursive: true });
}

async function intoCluster(
  options: RestoreOptions,
  manifest: BackupManifest,
  keys: Authority | undefined,
): Promise<void> {
  const { path, replaces, authorityFolder, signal } = options;
  if (replaces) {
    throw new MpoError("invalid-argument", "--replace is about a store on this machine", {
      hint: "Remove the streams of the cluster by hand, when it is certain that they are not needed.",
    });
  }
  if (keys !== undefined) await writeAuthority(authorityFolder, keys, { signal });
  await using store = await openFleetStore(options);
  const [first] = await store.copy.streams();
  if (first !== undefined) {
    throw new MpoError("already-exists", `the cluster has a store: its stream ${first}`, {
      hint: "Stop the coordinators, and remove its streams; or restore into an empty cluster.",
    });
  }
  try {
    await fill(store.copy, path, manifest, { folder: undefined, signal });
  } catch (thrown) {
    await store.copy.remove();
    throw thrown;
  }
}

/** Writes all records, reads them back, and compares. */
async function fill(
  copy: StoreCopy,
  path: string,
  manifest: BackupManifest,
  { folder, signal }: { readonly folder: string | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const events = manifest.streams.filter(({ name }) => isEvents(name));
  const firstSequences = new Map(events.map(({ name, firstSequence }) => [name, firstSequence]));
  await copy.make({ folder, firstSequences, signal });
  const there = await copy.streams();
  for await (const { stream, records } of backedUpRecords(path, signal)) {
    if (!there.has(stream)) continue;
    await copy.write(stream, records, { signal });
  }
  for (const { name, digest } of manifest.streams) {
    if (!there.has(name)) continue;
    const written = new StreamDigest(isEvents(name));
    for await (const record of copy.read(name, { signal })) written.add(record);
    if (written.hex() !== digest) throw new MpoError("internal", `${name} was not restored as it was backed up`);
  }
}
