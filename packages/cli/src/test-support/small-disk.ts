import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { MPO } from "./daemon-process.ts";
import { testFolder } from "./fleet-room.ts";

/** Why no disk of any size can be made here; false: it can. For `skip`. */
export const noSmallDisk: string | false =
  spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0 ? false : "no mount namespaces";

/** A disk of a size, seen only by what runs on it. */
export interface SmallDisk {
  /** For whoever runs on it. */
  readonly folder: string;
  /** The same for this process. */
  readonly outside: string;
  /** Starts `mpo` on it. */
  start(args: readonly string[], environment?: Readonly<Record<string, string>>): DiskCommand;
}

/** A command that runs on a small disk. */
export interface DiskCommand {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly code: Promise<number | null>;
  /** Waits until it has said something. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

export async function smallDisk(t: TestContext, mebibytes: number): Promise<SmallDisk> {
  const folder = await testFolder(t);
  const script = `mount -t tmpfs -o size=${mebibytes}m none "$1" && echo there && exec sleep 600`;
  const keeper = spawn("unshare", ["-m", "sh", "-c", script, "sh", folder], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => keeper.kill("SIGKILL"));
  await once(keeper.stdout, "data");
  const start: SmallDisk["start"] = (args, environment = {}) => {
    const command = ["-t", String(keeper.pid), "-m", ...MPO, ...args];
    const child = spawn("nsenter", command, { env: { ...process.env, ...environment }, cwd: import.meta.dirname });
    const code = once(child, "exit").then(([found]) => found as number | null);
    t.after(async () => {
      if (child.exitCode === null) child.kill("SIGTERM");
      await code;
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += String(text)));
    return {
      child,
      said: () => said,
      code,
      until: async (pattern) => {
        for (;;) {
          const found = pattern.exec(said);
          if (found !== null) return found;
          if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`);
          await new Promise((wake) => setTimeout(wake, 20));
        }
      },
    };
  };
  return { folder, outside: `/proc/${keeper.pid}/root${folder}`, start };
}
