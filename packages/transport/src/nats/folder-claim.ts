import { randomUUID } from "node:crypto";
import { link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, systemErrorCode } from "@mpo/runtime";
import { isStill, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

const CLAIM_FILE = "owner.json";

/** A folder that this process has for itself. */
export interface FolderClaim {
  /** Gives it back. */
  release(): Promise<void>;
}

/**
 * Claims a folder for this process. The claim of a process that is gone does not count. Throws `conflict` when a living
 * one has it, also when that is this process.
 */
export async function claimFolder(folder: string): Promise<FolderClaim> {
  const path = join(folder, CLAIM_FILE);
  const own = JSON.stringify(await ownIdentity());
  for (let attempt = 0; attempt < 10; attempt++) {
    if (await tryCreate(path, own)) return { release: () => unlink(path).catch(() => undefined) };
    await requireDead(path, folder);
    await removeDead(path, folder);
  }
  throw new MpoError("conflict", `many processes want ${folder} at once`, { hint: "Start one coordinator only." });
}

/** The file appears whole or not at all: others read it. */
async function tryCreate(path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content, { mode: 0o600, flush: true });
    await link(temporary, path);
    return true;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "EEXIST") return false;
    throw fileError(thrown, "write", path);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

async function requireDead(path: string, folder: string): Promise<void> {
  const owner = await readOwner(path);
  if (owner === undefined || !(await isStill(owner))) return;
  throw new MpoError("conflict", `process ${owner.pid} runs a nats-server on ${folder}`, {
    hint: "One coordinator per folder: end the other, give another folder, or connect to its server with --nats URL.",
  });
}

/** Takes a dead claim away. It is moved first, so that the fresh claim of another is noticed and put back. */
async function removeDead(path: string, folder: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.tmp`;
  try {
    await rename(path, aside);
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return;
    throw fileError(thrown, "move", path);
  }
  try {
    await requireDead(aside, folder);
  } catch (thrown) {
    await link(aside, path).catch(() => undefined);
    throw thrown;
  } finally {
    await unlink(aside).catch(() => undefined);
  }
}

async function readOwner(path: string): Promise<ProcessIdentity | undefined> {
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as Partial<ProcessIdentity> | null;
    const isWhole = Number.isSafeInteger(value?.pid) && typeof value?.startTicks === "string";
    return isWhole ? (value as ProcessIdentity) : undefined;
  } catch {
    return undefined;
  }
}
