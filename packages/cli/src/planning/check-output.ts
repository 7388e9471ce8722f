import { randomUUID } from "node:crypto";
import { rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { MODEL_FILE } from "@mpo/datasets";
import { makeFolder } from "@mpo/io";

/**
 * Checks that a file can be written, before minutes are spent on what goes into it. Makes its folder. Throws
 * `invalid-argument` when it cannot.
 */
export async function checkOutput(option: string, path: string, workingFolder: string): Promise<void> {
  const file = resolve(workingFolder, path);
  const refuse = (why: string, cause?: unknown): MpoError =>
    new MpoError("invalid-argument", `${option} ${path}: ${why}`, { hint: "Choose another place.", cause });
  const trial = join(dirname(file), `.mpo-${randomUUID()}`);
  try {
    await makeFolder(dirname(file));
    // Only a write says for sure: under /proc, root may write to folders in which nothing can be made.
    await writeFile(trial, "");
    await rm(trial);
  } catch (cause) {
    throw refuse(`its folder cannot be written to (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  }
  const existing = await stat(file).catch(() => undefined);
  if (existing?.isDirectory() === true) throw refuse("it is a folder; expected a file");
}

/**
 * Checks that a model can be written into a folder. Throws `conflict` when it holds one already, which may be written over
 * with `--force` only, and `invalid-argument` when nothing can be written there.
 */
export async function checkModelOutput(
  { output, force }: { readonly output: string; readonly force: boolean },
  workingFolder: string,
): Promise<void> {
  const file = join(output, MODEL_FILE);
  const existing = await stat(resolve(workingFolder, file)).catch(() => undefined);
  if (existing !== undefined && !force) {
    throw new MpoError("conflict", `--output ${output} holds a model already`, {
      hint: "Choose another --output, or add --force to write over it.",
    });
  }
  await checkOutput("--output", file, workingFolder);
}
