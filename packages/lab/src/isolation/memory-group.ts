import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatBytes, MpoError } from "@mpo/core";

const LEFT_WITHIN_MS = 5_000;
const LOOK_MS = 20;
let made = 0;

/** A memory control group of this process's own making, for the processes that join it. Dispose of it when they are gone. */
export class MemoryGroup implements AsyncDisposable {
  readonly folder: string;
  readonly #limitBytes: number;

  private constructor(folder: string, limitBytes: number) {
    this.folder = folder;
    this.#limitBytes = limitBytes;
  }

  /** Makes one. Throws `unsupported` where none can be made. */
  static of(limitBytes: number): MemoryGroup {
    const group = MemoryGroup.make(limitBytes);
    if (group !== undefined) return group;
    throw new MpoError("unsupported", "no memory control group can be made here", {
      hint: "Run it as root, where control groups have the memory controller, or leave --group out.",
    });
  }

  /** Makes one below the group that this process is in. Undefined where that is not allowed, or memory is not controlled. */
  static make(limitBytes: number): MemoryGroup | undefined {
    const lines = readFileSync("/proc/self/cgroup", "utf8").split("\n");
    const old = lines.find((line) => line.split(":")[1] === "memory")?.split(":")[2];
    const unified = lines.find((line) => line.startsWith("0::"))?.slice(3);
    const places = [
      ...(old === undefined ? [] : [{ root: join("/sys/fs/cgroup/memory", old), limit: "memory.limit_in_bytes" }]),
      ...(unified === undefined ? [] : [{ root: join("/sys/fs/cgroup", unified), limit: "memory.max" }]),
    ];
    for (const { root, limit } of places) {
      const folder = join(root, `mpo-${process.pid}-${made++}`);
      try {
        mkdirSync(folder);
      } catch {
        continue;
      }
      try {
        if (!existsSync(join(folder, limit))) throw new Error("memory is not controlled here");
        writeFileSync(join(folder, limit), String(limitBytes));
        return new MemoryGroup(folder, limitBytes);
      } catch {
        rmdirSync(folder);
      }
    }
    return undefined;
  }

  /** How often the system's memory killer has taken a process of the group. */
  get kills(): number {
    for (const name of ["memory.events", "memory.oom_control"]) {
      const path = join(this.folder, name);
      if (existsSync(path)) return Number(/^oom_kill (\d+)$/mu.exec(readFileSync(path, "utf8"))?.[1] ?? 0);
    }
    return 0;
  }

  /** The most that the kernel has counted: with files that it can drop. Undefined where it does not say. */
  get peakBytes(): number | undefined {
    const path = ["memory.peak", "memory.max_usage_in_bytes"].map((name) => join(this.folder, name)).find(existsSync);
    return path === undefined ? undefined : Number(readFileSync(path, "utf8"));
  }

  /** What it came to, in words. */
  get summary(): string {
    const most = `the kernel counted at most ${formatBytes(this.peakBytes ?? 0)}, files that it can drop included`;
    return `held in a control group of ${formatBytes(this.#limitBytes)}: ${most}; it killed ${this.kills} processes`;
  }

  /** The file by which a process joins it: it writes its number there. */
  get joinFile(): string {
    return join(this.folder, "cgroup.procs");
  }

  /** A command line that runs another one within the group. */
  command(program: string, args: readonly string[]): readonly [string, readonly string[]] {
    return ["sh", ["-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.folder, program, ...args]];
  }

  /** Removes it. Processes that were killed may take a moment to leave. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
      try {
        rmdirSync(this.folder);
        return;
      } catch (thrown) {
        if (waitedMs >= LEFT_WITHIN_MS) throw thrown;
      }
      await sleep(LOOK_MS);
    }
  }
}
