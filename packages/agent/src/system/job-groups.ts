import { existsSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MpoError } from "@mpo/core";
import { SystemFiles } from "./system-files.ts";

/** A control group of one job. */
export interface JobGroup extends AsyncDisposable {
  /** The file by which a process joins it: it writes its number there. */
  readonly joinFile: string;
  /** Whether the kernel has killed it because it reached its limit. */
  wasKilled(): Promise<boolean>;
}

export interface JobGroupOptions {
  readonly limitBytes: number;
  /** It computes only when the rest of the agent does not. */
  readonly isBehind: boolean;
}

/** Makes control groups for jobs. */
export interface JobGroups {
  make(options: JobGroupOptions): Promise<JobGroup>;
}

export interface JobGroupPlace {
  /** Where `/proc` and `/sys` are. Default: "/". */
  readonly root?: string | undefined;
  /** Number of the user that runs the agent. */
  readonly user?: number | undefined;
  /** Only in the kernel's own tree is a folder with files as good as empty. */
  readonly removeFolder?: (folder: string) => Promise<void>;
}

/** Or why there are none; jobs are then watched, and are the first that the system's memory killer takes. */
export type FoundJobGroups = { readonly groups: JobGroups } | { readonly why: string };

const ROOT = "sys/fs/cgroup";
/** The agent itself is in a group beside its jobs: a group with others below it holds no processes. */
const OWN = "agent";
const JOB = "job-";
/** The kernel slows a job down from here on, and takes back what it can; it ends it at the whole. */
const HIGH_SHARE = 0.9;
/** A killed process leaves its group when it has given its memory back. */
const LEFT_WITHIN_MS = 3_000;
const LOOK_MS = 20;

/**
 * Finds out whether jobs can have control groups of their own (version 2): below the group that systemd has left to this
 * process's user (`Delegate=`). Moves this process into a group beside them.
 *
 * Not for root: it may write everywhere, and nothing says which groups are its own to change.
 */
export async function findJobGroups({
  root = "/",
  user = process.geteuid?.(),
  removeFolder = rmdir,
}: JobGroupPlace = {}): Promise<FoundJobGroups> {
  const files = new SystemFiles(root);
  const lines = ((await files.text("proc/self/cgroup")) ?? "").split("\n");
  if (lines.some((line) => /^\d+:([a-z_,]*,)?memory(,[a-z_,]*)?:/u.test(line))) {
    return { why: "memory is controlled by control groups of version 1 here" };
  }
  const own = lines.find((line) => line.startsWith("0::"))?.slice(3);
  if (own === undefined) return { why: "there are no control groups here" };
  // After a restart in place it is there already.
  const base = join(ROOT, own.endsWith(`/${OWN}`) ? own.slice(0, -OWN.length) : own);
  const controllers = (await files.text(join(base, "cgroup.controllers")))?.split(" ");
  if (controllers === undefined) return { why: `the control group ${own} cannot be seen from here` };
  if (!controllers.includes("memory")) return { why: await whyNoMemory(files) };
  if (user === 0) return { why: "the agent runs as root, for whom nothing says which control groups are its own" };
  const at = (...names: readonly string[]): string => join(root, base, ...names);
  try {
    await enter(at, controllers);
    const groups: JobGroups = { make: (options) => makeGroup(at, options, removeFolder) };
    // What is not allowed, or does not work, is found out now, and not by the first job.
    await using _trial = await groups.make({ limitBytes: 2 ** 30, isBehind: true });
    return { groups };
  } catch (thrown) {
    return {
      why: `the control group ${own} is not left to this user (Delegate=yes in its unit): ${(thrown as Error).message}`,
    };
  }
}

async function whyNoMemory(files: SystemFiles): Promise<string> {
  const isAnywhere = (await files.text(join(ROOT, "cgroup.controllers")))?.split(" ").includes("memory") === true;
  return isAnywhere
    ? "memory control is not left to this process (Delegate=yes in its unit)"
    : "the kernel has memory control switched off (cgroup_disable=memory)";
}

/** Takes this process, and what it has started, out of the way, so that groups below can be controlled. */
async function enter(at: (...names: readonly string[]) => string, controllers: readonly string[]): Promise<void> {
  await mkdir(at(OWN)).catch(ignoreExisting);
  for (const name of await new SystemFiles(at()).names(".")) {
    // Of an agent that was killed, and restarted in place.
    if (name.startsWith(JOB)) await rmdir(at(name)).catch(() => undefined);
  }
  const inside = (await readFile(at("cgroup.procs"), "utf8")).split("\n").filter(Boolean);
  for (const pid of inside) await writeFile(at(OWN, "cgroup.procs"), pid).catch(unlessGone);
  const wanted = ["memory", "cpu"].filter((name) => controllers.includes(name));
  await writeFile(at("cgroup.subtree_control"), wanted.map((name) => `+${name}`).join(" "));
}

let made = 0;

async function makeGroup(
  at: (...names: readonly string[]) => string,
  { limitBytes, isBehind }: JobGroupOptions,
  removeFolder: (folder: string) => Promise<void>,
): Promise<JobGroup> {
  const name = `${JOB}${process.pid}-${made++}`;
  await mkdir(at(name));
  const group: JobGroup = {
    joinFile: at(name, "cgroup.procs"),
    wasKilled: async () =>
      /^oom(?:_group)?_kill [1-9]/mu.test(await readFile(at(name, "memory.events"), "utf8").catch(() => "")),
    [Symbol.asyncDispose]: () => remove(at(name), removeFolder),
  };
  try {
    await writeFile(at(name, "memory.max"), String(limitBytes));
    await writeFile(at(name, "memory.high"), String(Math.floor(HIGH_SHARE * limitBytes)));
    // All of a job ends, and none of it goes to a swap file on a card. Kernels without swap, or of old, have no such files.
    await writeIfThere(at(name, "memory.swap.max"), "0");
    await writeIfThere(at(name, "memory.oom.group"), "1");
    if (isBehind) await writeIfThere(at(name, "cpu.idle"), "1");
    return group;
  } catch (thrown) {
    await remove(at(name), removeFolder);
    throw thrown;
  }
}

async function writeIfThere(path: string, text: string): Promise<void> {
  if (existsSync(path)) await writeFile(path, text);
}

/** Kills what is left in a group, and removes it. */
async function remove(folder: string, removeFolder: (folder: string) => Promise<void>): Promise<void> {
  await writeIfThere(join(folder, "cgroup.kill"), "1").catch(() => undefined);
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    try {
      await removeFolder(folder);
      return;
    } catch {
      // The next agent removes it.
      if (waitedMs >= LEFT_WITHIN_MS) return;
    }
    await sleep(LOOK_MS);
  }
}

/** A process puts itself, and so all that it will start, into a group. Throws `precondition-failed` where that fails. */
export function joinGroup(joinFile: string): void {
  try {
    writeFileSync(joinFile, String(process.pid));
  } catch (cause) {
    throw new MpoError("precondition-failed", `the job could not join its control group: ${joinFile}`, { cause });
  }
}

function ignoreExisting(thrown: unknown): void {
  if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
}

function unlessGone(thrown: unknown): void {
  if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
}
