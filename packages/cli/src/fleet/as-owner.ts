import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { MpoError } from "@mpo/core";
import { makeFolder } from "@mpo/io";
import type { Files } from "../command-context.ts";
import { SERVICE_USER } from "../config-file/config-file.ts";

/** Whose a folder is to be that is not there yet. */
export interface Missing {
  /** It is an installed system's: made for its user. */
  readonly isInstalled: boolean;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ROOT: Owner = { uid: 0, gid: 0 };

/** Does something as the owner of a daemon's folder, where root asks: what it leaves there is the daemon's. */
export async function asOwner<T>(folder: string, work: () => Promise<T>, missing?: Missing): Promise<T> {
  if (process.geteuid?.() !== 0) return await work();
  const owner = await ownerOf(folder, missing);
  if (owner.uid === 0) return await work();
  const groups = process.getgroups?.() ?? [];
  process.setgroups?.([owner.gid]);
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

/** Where files elsewhere are needed too, root cannot act as the folder's owner: the owner has to do it. */
export async function requireOwner(folder: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const { uid } = await ownerOf(folder);
  if (uid === 0) return;
  throw new MpoError("permission-denied", `${folder} is another user's, who could not read what root leaves there`, {
    hint: `Run it as that user, with a file that it can reach: sudo -u ${SERVICE_USER} mpo backup ...`,
  });
}

/** Somebody without rights on an installed system would work on an agent of their own, and not know. */
export function requireRights(
  { installed, data }: { readonly installed?: string | undefined; readonly data?: string | undefined },
  { configFolder }: Files,
  command: string,
): void {
  const isInstalled = configFolder !== undefined && existsSync(join(configFolder, "agent.toml"));
  if (!isInstalled || installed !== undefined || data !== undefined) return;
  throw new MpoError(
    "permission-denied",
    `the agent of this machine runs as the user ${SERVICE_USER}, and you are another`,
    { hint: `Use sudo: sudo ${command}. For an agent of your own: --data FOLDER.` },
  );
}

async function ownerOf(folder: string, missing?: Missing): Promise<Owner> {
  if (existsSync(folder)) return await stat(folder);
  if (missing?.isInstalled !== true) return ROOT;
  const { stdout } = await promisify(execFile)("id", ["-u", SERVICE_USER]).catch((cause: unknown) => {
    throw new MpoError("precondition-failed", `there is no user ${SERVICE_USER}`, {
      cause,
      hint: "Install the package mpo-agent.",
    });
  });
  const group = await promisify(execFile)("id", ["-g", SERVICE_USER]);
  const owner = { uid: Number(stdout), gid: Number(group.stdout) };
  await makeFolder(folder, { mode: 0o750 });
  await chown(folder, owner.uid, owner.gid);
  return owner;
}
