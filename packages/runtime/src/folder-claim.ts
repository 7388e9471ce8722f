import { readFile, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, systemErrorCode, writeFileAtomic } from "@mpo/io";

/** Who has the folder, for the message to others; it decides nothing. */
const OWNER_FILE = "owner.pid";

export interface FolderClaimOptions {
  /** What a second owner is told to do. */
  readonly hint: string;
}

/**
 * Takes a folder for this process alone, until it is disposed of or the process ends, also by kill -9. Throws
 * `already-exists` when somebody has it (this process too), `unsupported` elsewhere than on Linux.
 *
 * The claim is a listening socket with a name of Linux' abstract namespace (unix(7)), made of the folder's device and inode.
 * The kernel gives the name to one process and takes it back when that one dies, so there is never a dead claim to clear
 * away: clearing one away is where files with a pid let two in. Containers see each other's claims when they share a network.
 */
export async function claimFolder(folder: string, { hint }: FolderClaimOptions): Promise<AsyncDisposable> {
  if (process.platform !== "linux") {
    throw new MpoError("unsupported", `folders cannot be claimed on ${process.platform}`, { hint: "Use Linux." });
  }
  const path = join(folder, OWNER_FILE);
  const name = await claimName(folder);
  const server = await listen(name).catch(async (thrown: unknown) => {
    if (systemErrorCode(thrown) !== "EADDRINUSE") throw fileError(thrown, "claim", folder);
    const owner = await readFile(path, "utf8").catch(() => "");
    const who = /^\d+\n$/u.test(owner) ? `process ${owner.trim()}` : "another process";
    throw new MpoError("already-exists", `${who} uses ${folder} already`, { hint });
  });
  const release = async (): Promise<void> => {
    await rm(path, { force: true });
    await new Promise((resolve) => server.close(resolve));
  };
  try {
    await writeFileAtomic(path, `${process.pid}\n`, { mode: 0o600 });
  } catch (thrown) {
    await release();
    throw thrown;
  }
  return { [Symbol.asyncDispose]: release };
}

async function claimName(folder: string): Promise<string> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `\0mpo-folder-${dev}-${ino}`;
  } catch (thrown) {
    throw fileError(thrown, "claim", folder);
  }
}

/** A claim keeps no process alive. */
function listen(name: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", reject);
    server.listen({ path: name }, () => {
      server.unref();
      resolve(server);
    });
  });
}
