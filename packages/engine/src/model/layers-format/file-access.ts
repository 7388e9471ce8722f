import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { MpoError } from "@mpo/core";

/** What every file operation here takes. */
export interface FileOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Throws `cancelled` once the signal is aborted. */
export function throwIfCancelled({ signal }: FileOptions, what: string): void {
  if (signal?.aborted) throw new MpoError("cancelled", `${what}: cancelled`, { cause: signal.reason });
}

/** Turns what Node throws for a file into a `MpoError`: `not-found` for a missing one, else `unavailable`. */
export function fileError(thrown: unknown, path: string): MpoError {
  if (thrown instanceof MpoError) return thrown;
  const nodeCode = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const isMissing = nodeCode === "ENOENT" || nodeCode === "ENOTDIR" || nodeCode === "EISDIR";
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new MpoError(isMissing ? "not-found" : "unavailable", `${path}: ${text}`, { cause: thrown });
}

/**
 * Writes a file so that under its name there is always the whole old or the whole new content, also after a power
 * cut: a temporary file beside it, flushed, then renamed. Throws `not-found`, `unavailable` or `cancelled`.
 */
export async function writeFileAtomically(
  path: string,
  data: string | Uint8Array,
  options: FileOptions = {},
): Promise<void> {
  throwIfCancelled(options, `writing ${path}`);
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(data);
      await file.datasync();
    } finally {
      await file.close();
    }
    throwIfCancelled(options, `writing ${path}`);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw fileError(thrown, path);
  }
}
