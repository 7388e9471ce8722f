import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { MpoError } from "@mpo/core";

/**
 * Checks that a file can be written, before minutes are spent on what goes into it. Makes its folder. Throws
 * `invalid-argument` when it cannot.
 */
export async function checkOutput(option: string, path: string, workingFolder: string): Promise<void> {
  const file = resolve(workingFolder, path);
  const refuse = (why: string, cause?: unknown): MpoError =>
    new MpoError("invalid-argument", `${option} ${path}: ${why}`, { hint: "Choose another place.", cause });
  try {
    await mkdir(dirname(file), { recursive: true });
    await access(dirname(file), constants.W_OK);
  } catch (cause) {
    throw refuse(`its folder cannot be written to (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  const existing = await stat(file).catch(() => undefined);
  if (existing?.isDirectory() === true) throw refuse("it is a folder; expected a file");
}
