import { stat } from "node:fs/promises";
import type { Clock } from "@mpo/io";

/** Folders that other machines change report nothing, so that files are looked at instead. */
const LOOK_MS = 3_000;

/** Calls back each time that one of some files was changed or replaced, until the signal aborts. */
export async function watchFiles(
  paths: readonly string[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  onChange: () => Promise<void>,
): Promise<void> {
  let before = await Promise.all(paths.map(stateOf));
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const now = await Promise.all(paths.map(stateOf));
    if (now.join() === before.join()) continue;
    before = now;
    await onChange();
  }
}

async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return [ino, size, mtimeMs, ctimeMs].join(" ");
  } catch {
    return "";
  }
}
