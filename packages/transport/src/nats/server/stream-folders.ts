import { readdir, rename, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { makeFolder } from "@mpo/io";

/** Where nats-server keeps the streams of a server without identities. */
export const NO_ACCOUNT = "$G";

/** Where nats-server keeps the streams of an embedded server: in the folder of their account. */
export async function streamsFolder(folder: string): Promise<string> {
  return folderOf(folder, (await accountOf(folder)) ?? NO_ACCOUNT);
}

/**
 * Gives the streams of an unused store to an account: those of a store made without identities, or with other ones.
 * Returns whose they were; undefined: nobody else's.
 */
export async function giveStreams(folder: string, account: string): Promise<string | undefined> {
  const owner = await accountOf(folder);
  if (owner === undefined || owner === account) return undefined;
  const target = folderOf(folder, account);
  await makeFolder(dirname(target), { mode: 0o700 });
  // An empty folder gives way.
  await rename(folderOf(folder, owner), target);
  // A server that finds the folder of an account that it does not know is never healthy.
  await rmdir(dirname(folderOf(folder, owner)));
  return owner;
}

/** The folders of all streams, and which files they are; empty where there is none. */
export async function readStreamFolders(folder: string): Promise<ReadonlyMap<string, number>> {
  const parent = await streamsFolder(folder);
  const found = new Map<string, number>();
  for (const name of await readdir(parent).catch(() => [])) {
    const { ino } = (await stat(join(parent, name)).catch(() => undefined)) ?? {};
    if (ino !== undefined) found.set(name, ino);
  }
  return found;
}

/** Throws `unavailable` when streams that were there are gone, or others lie in their place: a server writes on into nothing. */
export function requireSameFolders(
  folder: string,
  before: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): void {
  const gone = [...before].filter(([name, ino]) => now.get(name) !== ino).map(([name]) => name);
  if (gone.length === 0) return;
  const what = gone.length === before.size ? "the store" : `${gone.join(", ")} of the store`;
  throw new MpoError("unavailable", `${what} in ${folder} was removed or replaced while it ran: writes would be lost`, {
    hint: "Start the coordinator again: with a backup in that folder, or with an empty store.",
  });
}

/** Whose streams a store holds; undefined: it has none. */
export async function accountOf(folder: string): Promise<string | undefined> {
  const owners: string[] = [];
  for (const account of await readdir(join(folder, "jetstream")).catch(() => [])) {
    const streams = await readdir(folderOf(folder, account)).catch(() => []);
    if (streams.length > 0) owners.push(account);
  }
  if (owners.length < 2) return owners[0];
  throw new MpoError("precondition-failed", `${join(folder, "jetstream")} holds two stores: ${owners.join(", ")}`, {
    hint: "Two stores were copied into one: move the one that is not wanted elsewhere.",
  });
}

function folderOf(folder: string, account: string): string {
  return join(folder, "jetstream", account, "streams");
}
