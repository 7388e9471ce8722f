import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";

/** Where nats-server keeps the streams of an embedded server. */
export function streamsFolder(folder: string): string {
  return join(folder, "jetstream", "$G", "streams");
}

/** The folders of all streams, and which files they are; empty where there is none. */
export async function readStreamFolders(folder: string): Promise<ReadonlyMap<string, number>> {
  const parent = streamsFolder(folder);
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
