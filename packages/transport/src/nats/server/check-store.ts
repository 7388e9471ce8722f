import { rename, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { makeFolder } from "@mpo/io";
import { claimFolder } from "@mpo/runtime";
import { STREAM_LOSSES } from "../../store/fleet-layout.ts";
import { readSizes, type StreamSize, sizeOnDisk } from "../jetstream/stream-sizes.ts";
import { DamagedStreams } from "./damaged-streams.ts";
import { EmbeddedNatsServer, type EmbeddedServerOptions } from "./embedded-nats-server.ts";
import { findLeftServer } from "./embedded-record.ts";
import { readStreamFolders, streamsFolder } from "./stream-folders.ts";

export interface StoredStream {
  readonly name: string;
  readonly isDamaged: boolean;
  /** What is lost without it, and what comes back by itself. */
  readonly loss: string;
  readonly size: StreamSize;
}

/** Starts a server on an unused store, queries it, and stops it. Throws `already-exists` when the store is in use. */
export async function checkStore(options: EmbeddedServerOptions): Promise<readonly StoredStream[]> {
  const folder = resolve(options.folder);
  const names = [...(await readStreamFolders(folder)).keys()].sort();
  if (names.length === 0) throw new MpoError("not-found", `there is no store in ${folder}`);
  let damaged: readonly string[] = [];
  let sizes: ReadonlyMap<string, StreamSize> = new Map();
  try {
    const server = await EmbeddedNatsServer.start({ ...options, isSealed: true });
    try {
      sizes = await readSizes(server.address.monitorUrl, options.signal);
    } finally {
      await server.stop();
    }
  } catch (thrown) {
    if (!(thrown instanceof DamagedStreams)) throw thrown;
    ({ names: damaged, sizes } = thrown);
  }
  return await Promise.all(
    names.map(async (name) => ({
      name,
      loss: STREAM_LOSSES[name] ?? "what it holds",
      isDamaged: damaged.includes(name),
      size: sizes.get(name) ?? (await sizeOnDisk(folder, name)),
    })),
  );
}

/** Moves streams out of an unused store; the next start creates empty ones. Returns where they are now. */
export async function setAsideStreams(folder: string, names: readonly string[], date: string): Promise<string> {
  await using _claim = await claimFolder(folder, { hint: "Stop the coordinator first." });
  if ((await findLeftServer(folder)) !== undefined) {
    throw new MpoError("already-exists", `a nats-server uses ${folder}`, {
      hint: "It was left by a crash: start the coordinator, stop it, and try again.",
    });
  }
  const there = await readStreamFolders(folder);
  for (const name of names) {
    if (!there.has(name)) throw new MpoError("not-found", `the store in ${folder} has no stream ${name}`);
  }
  const target = join(dirname(folder), "set-aside", date);
  if ((await stat(target).catch(() => undefined)) !== undefined) {
    throw new MpoError("already-exists", `${target} already exists`);
  }
  await makeFolder(target, { mode: 0o700 });
  const source = await streamsFolder(folder);
  for (const name of names) await rename(join(source, name), join(target, name));
  return target;
}
