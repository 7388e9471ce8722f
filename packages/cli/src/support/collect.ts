import { execFile } from "node:child_process";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { arch, hostname, release, totalmem, uptime } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { AGENT_VERSION } from "@mpo/agent";
import type { ArchivePart } from "@mpo/io";
import type { CommandContext, Files } from "../command-context.ts";
import { type DaemonName, daemonOptions } from "../config-file/daemon-options.ts";
import { coordinatorFolder } from "../fleet/coordinator-places.ts";
import { dataFolderOf, identityOf } from "../fleet/run-agent-command.ts";
import { stateFolder } from "../fleet/state-folder.ts";
import { withoutSecrets } from "./without-secrets.ts";

export interface SupportOptions {
  /** Data folders of agents and coordinators; absent: the usual ones. */
  readonly data?: readonly string[] | undefined;
  /** Logs, besides those of the system's services. */
  readonly log?: readonly string[] | undefined;
}

/** Lines of each log that are taken. */
const LOG_LINES = 2000;
const LOG_BYTES = 1_048_576;
/** Longer files of the state say nothing that is needed. */
const STATE_BYTES = 65_536;
const UNITS = ["mpo-agent", "mpo-coordinator"];
/** What an installed system reads; the owner's limits lie in a data folder. */
const CONFIG_FILES = ["/etc/mpo/agent.toml", "/etc/mpo/coordinator.toml"];
/** Looked at where the config files are wrong, too. */
const INSTALLED_FOLDERS = ["/var/lib/mpo/agent", "/var/lib/mpo/coordinator"];
/** What of the system says why something is slow, full, or not allowed. */
const SYSTEM_FILES = [
  ...["/etc/os-release", "/proc/version", "/proc/cmdline", "/proc/meminfo", "/proc/pressure/memory", "/proc/mounts"],
  ...["/proc/loadavg", "/proc/cgroups", "/sys/fs/cgroup/cgroup.controllers", "/proc/device-tree/model"],
];
/** Files of an agent's state that are read; of all others, only that they are there. */
const STATE_FILES = /^(?:state\/(?:version-floor|trusted-time|starts|work|enrolled|failed-[\d-]+)|limits\.json)$/u;
/** Folders of keys: not even a name of what lies in them is needed. */
const KEPT_OUT = /^(?:authority|identity)$/u;

/** Everything that helps to find out what is wrong, without secrets. */
export async function* collect(
  options: SupportOptions,
  context: CommandContext,
): AsyncGenerator<ArchivePart, void, undefined> {
  const { environment, workingFolder } = context;
  yield part("about.json", JSON.stringify(about(environment), undefined, 2));
  for (const path of SYSTEM_FILES) yield* copied(`system${path}`, path, STATE_BYTES);
  for (const path of CONFIG_FILES) yield* copied(`config${path}`, path, STATE_BYTES);
  const usual = [...(await usualAgents(environment)), coordinatorFolder(undefined, context)];
  const named = (options.data ?? usual).map((folder) => resolve(workingFolder, folder));
  const folders = new Set([...named, ...(await configured(context)), ...INSTALLED_FOLDERS]);
  for (const [index, folder] of [...folders].entries()) yield* state(`state/${index + 1}`, folder);
  for (const unit of UNITS) yield* journal(unit, context.signal);
  for (const path of options.log ?? [])
    yield* lastLines(`logs/${path.replaceAll("/", "_")}`, join(workingFolder, path));
}

function about(environment: Files["environment"]): object {
  const names = Object.keys(environment).filter((name) => /^(?:MPO|XDG|NODE|TF)_/u.test(name));
  return {
    ...{ release: AGENT_VERSION, node: process.version, kernel: release(), architecture: arch(), host: hostname() },
    ...{ memoryBytes: totalmem(), upSeconds: Math.round(uptime()), at: new Date().toISOString() },
    environment: names.sort(),
  };
}

/** Where the daemons of this machine keep their state. A config file that is wrong says nothing: the bundle has it. */
async function configured(context: CommandContext): Promise<readonly string[]> {
  const of = async <Name extends DaemonName>(name: Name) =>
    await daemonOptions(name, context).then(
      ({ options }) => options,
      () => undefined,
    );
  const [agent, coordinator] = [await of("agent"), await of("coordinator")];
  return [
    ...(agent === undefined ? [] : [dataFolderOf(agent, identityOf(agent), context)]),
    ...(coordinator === undefined ? [] : [coordinatorFolder(coordinator.data, context)]),
  ];
}

async function usualAgents(environment: Files["environment"]): Promise<readonly string[]> {
  const folder = join(stateFolder(environment), "agents");
  return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
}

/** Which files a data folder has, how large and old, and what the small ones say. */
async function* state(name: string, folder: string): AsyncGenerator<ArchivePart, void, undefined> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (found === undefined) return;
  const lines = [folder];
  const read: string[] = [];
  for (const entry of found) {
    const path = join(entry.parentPath, entry.name);
    const inside = path.slice(folder.length + 1);
    if (!entry.isFile() || KEPT_OUT.test(inside.split("/")[0] ?? "")) continue;
    const facts = await stat(path).catch(() => undefined);
    if (facts === undefined) continue;
    lines.push(`${String(facts.size).padStart(12)} ${facts.mtime.toISOString()} ${inside}`);
    if (STATE_FILES.test(inside)) read.push(inside);
  }
  yield part(`${name}/files.txt`, `${lines.join("\n")}\n`);
  for (const inside of read) yield* copied(`${name}/${inside}`, join(folder, inside), STATE_BYTES);
  yield* lastLines(`${name}/nats-server.log`, join(folder, "nats/nats-server.log"));
}

async function* copied(name: string, path: string, maxBytes: number): AsyncGenerator<ArchivePart, void, undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text !== undefined) yield part(name, text.slice(0, maxBytes));
}

async function* lastLines(name: string, path: string): AsyncGenerator<ArchivePart, void, undefined> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LOG_BYTES);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    yield part(name, `${buffer.toString("utf8").split("\n").slice(-LOG_LINES).join("\n")}\n`);
  } finally {
    await file.close();
  }
}

async function* journal(unit: string, signal: AbortSignal): AsyncGenerator<ArchivePart, void, undefined> {
  const args = ["--unit", unit, "--lines", String(LOG_LINES), "--no-pager", "--output", "short-iso"];
  const said = await promisify(execFile)("journalctl", args, { signal, maxBuffer: 16 * LOG_BYTES }).catch(
    () => undefined,
  );
  if (said !== undefined && !/^-- No entries --$/mu.test(said.stdout)) yield part(`logs/${unit}.log`, said.stdout);
}

function part(name: string, text: string): ArchivePart {
  return { name, bytes: Buffer.from(withoutSecrets(text)) };
}
