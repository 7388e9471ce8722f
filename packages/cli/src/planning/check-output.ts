import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { Option } from "commander";

/** Whether what is there already may be written over, as `--force` says. */
export interface ForceOption {
  readonly force: boolean;
}

/** What an output is checked against. */
export interface OutputOptions extends ForceOption {
  readonly workingFolder: string;
}

/** `--force`. */
export function forceOption(): Option {
  return new Option("--force", "write over what is there already").default(false);
}

/**
 * Checks that a file can be written, before minutes are spent on what goes into it. Nothing is left behind, no folder
 * either: the writer makes it. Throws `already-exists` when it is there and is not to be written over, and
 * `invalid-argument` when it cannot be written.
 */
export async function checkOutput(
  option: string,
  path: string,
  { workingFolder, force }: OutputOptions,
): Promise<void> {
  const file = resolve(workingFolder, path);
  const refuse = (why: string, cause?: unknown): MpoError =>
    new MpoError("invalid-argument", `${option} ${path}: ${why}`, { hint: "Choose another place.", cause });
  const existing = await stat(file).catch(() => undefined);
  // A rename would put a file in the place of a device such as /dev/null.
  if (existing !== undefined && !existing.isFile()) {
    throw refuse(`it is a ${existing.isDirectory() ? "folder" : "device or pipe"}; expected a file`);
  }
  if (existing !== undefined && !force) {
    throw new MpoError("already-exists", `${option} ${path} is there already`, {
      hint: `Choose another ${option}, or add --force to write over it.`,
    });
  }
  let folder = dirname(file);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const trial = join(folder, `.mpo-${randomUUID()}`);
  try {
    // Only a write says for sure: under /proc, root may write to folders in which nothing can be made.
    await writeFile(trial, "");
    await rm(trial);
  } catch (cause) {
    throw refuse(`its folder cannot be written to (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
}
