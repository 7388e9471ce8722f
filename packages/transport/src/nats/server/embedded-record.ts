import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ifFound, readJsonFile, writeJsonFile } from "@mpo/io";
import { identify, isStill, type ProcessIdentity } from "./process-identity.ts";

/** The file next to the store of an embedded server: which process it is. */
export interface EmbeddedRecord {
  readonly serverName: string;
  /** Whose streams it serves. */
  readonly account: string;
  readonly server: ProcessIdentity;
}

const RECORD_FILE = "server.json";
const PID_FILE = "nats-server.pid";

/** Where nats-server writes its own process number. */
export function pidFile(folder: string): string {
  return join(folder, PID_FILE);
}

/** Written as soon as the server's process exists, so that a crash right after leaves no unknown server. */
export async function writeRecord(folder: string, record: EmbeddedRecord): Promise<void> {
  await writeJsonFile(join(folder, RECORD_FILE), record);
}

export async function removeRecord(folder: string): Promise<void> {
  for (const name of [RECORD_FILE, PID_FILE]) await unlink(join(folder, name)).catch(() => undefined);
}

/** Looks for a server that a crash of its owner left running on this folder. Its name and account are empty when unknown. */
export async function findLeftServer(folder: string): Promise<EmbeddedRecord | undefined> {
  const record = await readRecord(folder);
  if (record !== undefined && (await isStill(record.server))) return record;
  // Killed between the start of the server and the writing of the record: the server's own file still shows it.
  const text = await readFile(pidFile(folder), "utf8").catch(() => "");
  const server = /^\d+$/u.test(text.trim()) ? await identify(Number(text)) : undefined;
  if (server === undefined || !(await runsOn(server.pid, folder))) return undefined;
  return { server, serverName: "", account: "" };
}

async function readRecord(folder: string): Promise<EmbeddedRecord | undefined> {
  // A damaged record says nothing; it is written whole or not at all, so a crash does not make one.
  const found = await ifFound(readJsonFile(join(folder, RECORD_FILE), { maxBytes: 65_536 }), "invalid-data");
  const value = found as Partial<EmbeddedRecord> | null | undefined;
  const isWhole =
    isIdentity(value?.server) && typeof value?.serverName === "string" && typeof value.account === "string";
  return isWhole ? (value as EmbeddedRecord) : undefined;
}

function isIdentity(value: unknown): value is ProcessIdentity {
  const { pid, startTicks } = (value ?? {}) as Partial<ProcessIdentity>;
  return Number.isSafeInteger(pid) && typeof startTicks === "string";
}

/** Whether a process was started with a file of this folder: process ids are reused after a reboot. */
async function runsOn(pid: number, folder: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return line.split("\0").some((word) => word.startsWith(`${folder}/`));
}
