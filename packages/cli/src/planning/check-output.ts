import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { MODEL_FILE } from "@mpo/engine";

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

/** Throws `conflict` when the folder holds a model already, which may be written over with `--force` only. */
export async function requireNoModel(
  { output, force }: { readonly output: string; readonly force: boolean },
  workingFolder: string,
): Promise<void> {
  if (force) return;
  const folder = resolve(workingFolder, output);
  if ((await stat(join(folder, MODEL_FILE)).catch(() => undefined)) === undefined) return;
  throw new MpoError("conflict", `--output ${output} holds a model already`, {
    hint: "Choose another --output, or add --force to write over it.",
  });
}
