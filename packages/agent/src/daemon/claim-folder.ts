import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, systemErrorCode } from "@mpo/runtime";

const CLAIM_FILE = "agent.pid";

/**
 * Makes sure that one agent at a time uses a folder. A claim that a killed agent left is taken over: its process is gone,
 * or started at another time. Throws `already-exists` when an agent runs there. Dispose of it to let go.
 */
export async function claimFolder(folder: string): Promise<AsyncDisposable> {
  const path = join(folder, CLAIM_FILE);
  const own = `${process.pid} ${await startedAt(process.pid)}`;
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(path, own, { flag: "wx", mode: 0o600 });
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (thrown) {
      if (systemErrorCode(thrown) !== "EEXIST" || attempt > 0) throw fileError(thrown, "claim", path);
    }
    const [pid = "", started = ""] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    if (pid !== "" && started !== "" && (await startedAt(Number(pid))) === started) {
      throw new MpoError("already-exists", `an agent uses ${folder} already: process ${pid}`, {
        hint: "Stop that agent, or give this one a data folder of its own.",
      });
    }
    await rm(path, { force: true });
  }
}

/** Start time of a process in clock ticks since boot, as text; undefined: there is none. A pid alone may be used again. */
async function startedAt(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name in brackets may hold anything, spaces and brackets too.
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}
