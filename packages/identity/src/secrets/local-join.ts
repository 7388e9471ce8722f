import { join } from "node:path";
import { checked, type Fact, fact } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { readPrivateJson, writePrivateJson } from "../authority/index.ts";

const localJoinSchema = fact.object({
  /** Of the coordinator: host and port. */
  addresses: fact.list(fact.text(1, 255), 1, 8),
  /** The certificates of the fleet's authorities. */
  caPem: fact.text(1, 65_536, { hasLines: true }),
  accessToken: fact.secret(128),
  joinString: fact.secret(4096),
});

/** What lets agents and commands of the same user on the same machine into the fleet without anything being typed. */
export type LocalJoin = Fact<typeof localJoinSchema>;

const MAX_BYTES = 131_072;

/** Where a coordinator that listens on a port leaves it, in the user's folder for state. */
export function localJoinFile(stateFolder: string, port: number): string {
  return join(stateFolder, "local", `${port}.json`);
}

/** Writes it, readable by its owner only. */
export async function writeLocalJoin(path: string, local: LocalJoin, options: Abortable = {}): Promise<void> {
  await writePrivateJson(path, local, options);
}

/** Reads it. Throws as `readPrivateFile` does: `not-found` where no coordinator has left one. */
export async function readLocalJoin(path: string, options: Abortable = {}): Promise<LocalJoin> {
  return await readPrivateJson(path, (value, place) => checked(localJoinSchema, value, place), {
    ...{ maxBytes: MAX_BYTES, ...options },
    hint: "Start the coordinator again: it writes a new one.",
  });
}
