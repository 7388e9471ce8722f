import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { type Abortable, type Clock, linkSignals, throwIfAborted, withDeadline } from "@mpo/io";
import { type Logger, lockFile } from "@mpo/runtime";
import { readSizes } from "../jetstream/stream-sizes.ts";
import { DamagedStreams } from "./damaged-streams.ts";
import { removeRecord, writeRecord } from "./embedded-record.ts";
import type { NatsBinary } from "./nats-binary.ts";
import { endProcess, identify, type ProcessIdentity } from "./process-identity.ts";
import { readServerFacts } from "./server-checks.ts";
import { type Access, accountFor, writeConfiguration } from "./server-config.ts";
import { giveStreams } from "./stream-folders.ts";

const POLL_MS = 50;
const LOG_BYTES = 8_388_608;
/** Held by the server itself: it may outlive its coordinator, and be out of sight of the next one's namespaces. */
const LOCK_FILE = "nats-server.lock";

/** How an embedded server can be reached. */
export interface ServerAddress {
  /** "nats://127.0.0.1:4222". */
  readonly url: string;
  /** "http://127.0.0.1:8222". */
  readonly monitorUrl: string;
}

export interface RunningServer {
  readonly identity: ProcessIdentity;
  readonly address: ServerAddress;
  /** Absent when this process did not start it. */
  readonly child?: ChildProcess;
}

export interface LaunchOptions extends Abortable, Access {
  readonly binary: NatsBinary;
  readonly folder: string;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Starts `nats-server` on a folder and waits until it answers. A failure leaves no process. */
export async function launchServer(options: LaunchOptions): Promise<RunningServer> {
  const { binary, folder, logger, startTimeoutMs, stopTimeoutMs, signal, clock } = options;
  await removePortsFiles(folder);
  const serverName = `mpo-${process.pid}-${Date.now().toString(36)}`;
  const account = await accountFor(options);
  const config = await writeConfiguration({ ...options, serverName, account });
  const log = await openLog(join(folder, "nats-server.log"));
  const lock = await open(join(folder, LOCK_FILE), "a", 0o600);
  let child: ChildProcess;
  try {
    if (!(await lockFile(lock.fd, join(folder, LOCK_FILE)))) {
      throw new MpoError("already-exists", `a nats-server that cannot be seen from here writes to ${folder}`, {
        hint: "It was left by a coordinator in another container: stop that container.",
      });
    }
    const owner = await giveStreams(folder, account);
    if (owner !== undefined) logger.info("gave the store to the fleet's account of NATS", { folder, owner, account });
    // A session of its own: Ctrl-C in a terminal reaches us alone, and we stop it when nothing uses it any more.
    child = spawn(binary.path, ["--config", config], {
      // It inherits the lock, and holds it as long as it lives.
      stdio: ["ignore", log.fd, log.fd, lock.fd],
      detached: true,
      cwd: folder,
    });
    await once(child, "spawn");
  } catch (thrown) {
    if (thrown instanceof MpoError) throw thrown;
    throw new MpoError("unavailable", `cannot start ${binary.path}: ${String(thrown)}`, { cause: thrown });
  } finally {
    await log.close();
    await lock.close();
  }
  const pid = child.pid as number;
  // Where this process has no time to stop it: a second Ctrl-C, or something that hangs.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const identity = (await identify(pid)) ?? { pid, startTicks: "" };
  try {
    await writeRecord(folder, { serverName, account, server: identity });
    const address = await withDeadline(
      "nats-server",
      startTimeoutMs,
      (both) => untilReady({ folder, child, serverName, clock, signal: both }),
      { clock, signal },
    );
    // The caller's process may end while it runs.
    child.unref();
    return { identity, address, child };
  } catch (thrown) {
    await endProcess(identity, { timeoutMs: stopTimeoutMs, clock });
    await removeRecord(folder);
    throw thrown;
  }
}

interface Waiting {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly serverName: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function untilReady({ folder, child, serverName, clock, signal }: Waiting): Promise<ServerAddress> {
  for (;;) {
    throwIfAborted(signal);
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new MpoError("unavailable", `nats-server exited at once: ${await lastWords(folder)}`, {
        hint: `See ${join(folder, "nats-server.log")}. If its port is taken, give another: --nats-listen HOST:PORT.`,
      });
    }
    const address = await addressOf(folder, child.pid as number).catch(() => undefined);
    if (address !== undefined && (await isHealthy(folder, address, serverName, signal))) return address;
    await clock.sleep(POLL_MS, { signal });
  }
}

async function isHealthy(
  folder: string,
  address: ServerAddress,
  serverName: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const facts = await readServerFacts(address.monitorUrl, { signal });
    // A signal of its own: fetch leaves its listener on the one that it is given.
    using linked = linkSignals(signal);
    const health = await fetch(new URL("/healthz?details=true", address.monitorUrl), { signal: linked.signal });
    const { errors = [] } = (await health.json()) as { readonly errors?: readonly HealthFault[] };
    // It listens only when it has recovered what it can: what is missing then stays so.
    const damaged = errors.filter(({ error }) => error?.includes("could not be recovered") === true);
    if (damaged.length > 0) {
      const names = damaged.map(({ stream = "" }) => stream);
      throw new DamagedStreams(folder, names, await readSizes(address.monitorUrl, linked.signal));
    }
    return health.ok && facts.serverName === serverName && facts.syncsAlways;
  } catch (thrown) {
    throwIfAborted(signal);
    if (thrown instanceof DamagedStreams) throw thrown;
    return false;
  }
}

/** One line of what nats-server finds wrong with itself. */
interface HealthFault {
  readonly stream?: string;
  readonly error?: string;
}

/** Reads where a server listens: from its file `<program>_<pid>.ports`. */
export async function addressOf(folder: string, pid: number): Promise<ServerAddress> {
  const names = await readdir(folder);
  const name = names.find((each) => each.endsWith(`_${pid}.ports`));
  if (name === undefined) throw new MpoError("not-found", `${folder} has no ports file of process ${pid}`);
  const ports = JSON.parse(await readFile(join(folder, name), "utf8")) as {
    readonly nats?: readonly string[];
    readonly monitoring?: readonly string[];
  };
  const [url, monitorUrl] = [ports.nats?.[0], ports.monitoring?.[0]];
  if (url === undefined || monitorUrl === undefined) throw new MpoError("invalid-data", `${name} names no ports`);
  return { url, monitorUrl };
}

async function removePortsFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith(".ports")) await unlink(join(folder, name)).catch(() => undefined);
  }
}

/** It says a few lines at each start and each renewal; over the years, two files of them are kept. */
async function openLog(path: string): Promise<FileHandle> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size > LOG_BYTES) await rename(path, `${path}.1`);
  return await open(path, "a", 0o600);
}

async function lastWords(folder: string): Promise<string> {
  const log = await readFile(join(folder, "nats-server.log"), "utf8").catch(() => "");
  return log.trim().split("\n").slice(-3).join(" | ");
}
