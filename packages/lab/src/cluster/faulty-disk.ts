import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { MIB } from "@mpo/core";

const run = promisify(execFile);
/** Holds what a server keeps of a run many times; the image takes only what is written. */
const DISK_BYTES = 768 * MIB;
const FILLER = "filler";
const CHUNK = Buffer.alloc(MIB);

/** A disk of its own in the place of a folder: ext4 in a file. It needs root, and what that may do. */
export class LoopDisk {
  readonly folder: string;
  readonly #image: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#image = `${folder}.ext4`;
  }

  /** Throws where disks cannot be made. */
  static async in(folder: string, bytes: number = DISK_BYTES): Promise<LoopDisk> {
    const disk = new LoopDisk(folder);
    await mkdir(folder, { recursive: true });
    await writeFile(disk.#image, "");
    await truncate(disk.#image, bytes);
    await run("mkfs.ext4", ["-q", "-F", "-m", "0", disk.#image]);
    await disk.mount();
    return disk;
  }

  async mount(): Promise<void> {
    await run("mount", ["-o", "loop", this.#image, this.folder]);
  }

  /** Nobody may have a file open there. */
  async unmount(): Promise<void> {
    const mounts = await readFile("/proc/mounts", "utf8");
    if (mounts.includes(` ${this.folder} `)) await run("umount", [this.folder]);
  }

  /** Writes until nothing more fits. */
  async fill(): Promise<void> {
    await using file = await open(join(this.folder, FILLER), "w");
    for (;;) {
      const { bytesWritten } = await file.write(CHUNK).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== "ENOSPC") throw thrown;
        return { bytesWritten: 0 };
      });
      if (bytesWritten === 0) return;
    }
  }

  async free(): Promise<void> {
    await rm(join(this.folder, FILLER), { force: true });
  }

  /** From now on it takes no writes, as the kernel does with a disk that fails: also into files that are open. */
  async fail(): Promise<void> {
    await run("mount", ["-o", "remount,abort", this.folder]);
  }
}

/** Why there can be no disks of their own here; undefined: there can. */
export async function whyNoDisks(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-disk-"));
  try {
    const disk = await LoopDisk.in(join(folder, "m"), 4 * MIB);
    await disk.unmount();
    return undefined;
  } catch {
    return "disks of their own need root, mkfs.ext4 and loop devices";
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A disk that takes long for each write that must be on it. Held by strace, which delays the calls of a process. */
export class SlowDisk {
  readonly #tracer: ChildProcess;

  private constructor(tracer: ChildProcess) {
    this.#tracer = tracer;
  }

  static async of(pid: number, ms: number): Promise<SlowDisk> {
    const calls = "fsync,fdatasync";
    const args = [
      "-f",
      "-q",
      "-o",
      "/dev/null",
      "-e",
      `trace=${calls}`,
      "-e",
      `inject=${calls}:delay_exit=${ms * 1000}`,
    ];
    const tracer = spawn("strace", [...args, "-p", String(pid)], { stdio: "ignore" });
    await once(tracer, "spawn");
    return new SlowDisk(tracer);
  }

  async end(): Promise<void> {
    if (this.#tracer.exitCode !== null) return;
    const ended = once(this.#tracer, "exit");
    this.#tracer.kill("SIGINT");
    await ended;
  }
}

/** Why disks cannot be made slow here; undefined: they can. */
export async function whyNoSlowDisks(): Promise<string | undefined> {
  const child = spawn("sleep", ["5"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const args = ["-f", "-q", "-o", "/dev/null", "-e", "inject=fsync:delay_exit=1", "-p", String(child.pid)];
    const tracing = run("strace", args, { timeout: 1_000, killSignal: "SIGINT" });
    await tracing.catch((thrown: { readonly killed?: boolean }) => {
      // It was tracing until its time was over.
      if (thrown.killed !== true) throw thrown;
    });
    return undefined;
  } catch {
    return "slow disks need strace, and the right to trace";
  } finally {
    child.kill("SIGKILL");
  }
}
