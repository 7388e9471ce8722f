import { type FileHandle, open, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, systemErrorCode } from "@mpo/io";
import { lockFile } from "./file-lock.ts";

const OWNER_FILE = "owner.lock";

export interface FolderClaimOptions {
  /** The hint for a second owner. */
  readonly hint: string;
  /** What identifies an owner in the message to a second one. Default: the name of this host. */
  readonly host?: string;
}

/**
 * Takes a folder for this process alone, until it is disposed of or the process ends, also by kill -9. Throws
 * `already-exists`, naming the owner, when it is taken: by this process, another one, or one in another container.
 *
 * The claim is a lock of the kernel on a file in the folder, so there is never a dead claim to clear away: clearing one
 * away is where files with a pid let two in. What the file holds (pid, host, since) is for the message alone.
 */
export async function claimFolder(
  folder: string,
  { hint, host = hostname() }: FolderClaimOptions,
): Promise<AsyncDisposable> {
  const path = join(folder, OWNER_FILE);
  const handle = await lockedFile(path, folder, hint);
  const release = async (): Promise<void> => {
    // Removed while it is locked: who opened it before sees that it is gone, and tries again.
    await rm(path, { force: true }).catch(() => undefined);
    await handle.close();
  };
  try {
    await handle.truncate(0);
    await handle.write(`${process.pid} ${host} ${new Date().toISOString()}\n`, 0);
    return { [Symbol.asyncDispose]: release };
  } catch (thrown) {
    await release();
    throw fileError(thrown, "claim", folder);
  }
}

async function lockedFile(path: string, folder: string, hint: string): Promise<FileHandle> {
  for (;;) {
    const handle = await open(path, "a+", 0o600).catch((thrown: unknown) => {
      throw fileError(thrown, "claim", folder);
    });
    try {
      const isOurs = await lockFile(handle.fd, path);
      const isThere = await isNamed(handle, path);
      if (isOurs && isThere) return handle;
      // A file that its owner removed in between says nothing about the folder.
      if (isThere) throw new MpoError("already-exists", `${await ownerIn(path)} uses ${folder} already`, { hint });
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
    await handle.close();
  }
}

/** Whether the path still leads to the file that was opened. */
async function isNamed(handle: FileHandle, path: string): Promise<boolean> {
  try {
    const [opened, named] = await Promise.all([handle.stat({ bigint: true }), stat(path, { bigint: true })]);
    return opened.dev === named.dev && opened.ino === named.ino;
  } catch (thrown) {
    if (systemErrorCode(thrown) === "ENOENT") return false;
    throw thrown;
  }
}

async function ownerIn(path: string): Promise<string> {
  const [, pid, host, since] = /^(\d+) (\S+) (\S+)\n$/u.exec(await readFile(path, "utf8").catch(() => "")) ?? [];
  return pid === undefined ? "another process" : `process ${pid} on ${host} (since ${since})`;
}
