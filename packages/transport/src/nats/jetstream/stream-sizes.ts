import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { streamsFolder } from "../server/stream-folders.ts";

export interface StreamSize {
  readonly bytes: number;
  /** Absent for a stream that the server cannot read. */
  readonly entries?: number;
}

/** What is read of nats-server's `/jsz`. */
interface JetStreamPage {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string;
      readonly state: { readonly messages: number; readonly bytes: number };
    }[];
  }[];
}

/** The streams that a server can read, by name. */
export async function readSizes(monitorUrl: string, signal?: AbortSignal): Promise<ReadonlyMap<string, StreamSize>> {
  const response = await fetch(new URL("/jsz?streams=1", monitorUrl), signal === undefined ? {} : { signal });
  const { account_details: accounts = [] } = (await response.json()) as JetStreamPage;
  const streams = accounts.flatMap(({ stream_detail: details = [] }) => details);
  return new Map(streams.map(({ name, state: { messages, bytes } }) => [name, { entries: messages, bytes }]));
}

/** What a stream takes on the disk, read or not. */
export async function sizeOnDisk(folder: string, stream: string): Promise<StreamSize> {
  let bytes = 0;
  for (const entry of await readdir(join(await streamsFolder(folder), stream), {
    recursive: true,
    withFileTypes: true,
  })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return { bytes };
}
