import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "./free-ports.ts";

const LOOK_TIMEOUT_MS = 2_000;

/** What is read of a stream in a node's `/jsz`. */
interface StreamDetail {
  readonly name: string;
  readonly config: { readonly max_bytes: number; readonly num_replicas: number };
  readonly cluster?: { readonly leader?: string };
}

interface JetStreamPage {
  /** Who follows the server that leads the others; on that one alone. */
  readonly meta_cluster?: { readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[] };
  readonly account_details?: readonly { readonly stream_detail?: readonly StreamDetail[] }[];
}

/** What its servers read so that they serve a fleet that proves itself: `mpo nats setup` writes the same. */
export interface ClusterAccess {
  readonly config: string;
  /** The name that `config` gives the file with the certificate and its key, and what is in it. */
  readonly pairFile: string;
  readonly serverPem: string;
}

/** Nobody proves anything: one account, with a limit. */
function openAccess(accountBytes: number): string {
  return `no_auth_user: fleet
accounts { FLEET: { jetstream: { max_file: ${accountBytes} }, users: [{ user: fleet, password: fleet }] } }`;
}

/** What a run may put between its servers, and below them. */
export interface ClusterSurroundings {
  /** Makes the folder of a server's store what it is to be. */
  readonly prepareFolder?: (folder: string) => Promise<void>;
  /** Where one server finds another: the port, or that of a wire that leads there. */
  readonly routeTo?: (from: string, to: string, port: number) => Promise<number>;
}

/** Servers are told where the others are, and must not find out by themselves: the wire would be left out. */
const NOWHERE = "127.0.0.1:1";

/** One server of a cluster. */
export interface ClusterNode {
  readonly name: string;
  readonly url: string;
  readonly monitorUrl: string;
  readonly folder: string;
  child: ChildProcess;
}

/** Three nats-servers as a person would run them: each write is on disk before it is acknowledged. */
export class NatsCluster {
  readonly nodes: readonly ClusterNode[];
  readonly #binary: string;

  private constructor(nodes: readonly ClusterNode[], binary: string) {
    this.nodes = nodes;
    this.#binary = binary;
  }

  /** Starts them, and waits until they have a leader. `access`, where nobody proves anything: bytes of all copies together. */
  static async start(
    binary: string,
    folder: string,
    access: ClusterAccess | number,
    { prepareFolder, routeTo }: ClusterSurroundings = {},
  ): Promise<NatsCluster> {
    const ports = await freePorts(9);
    const names = ["n1", "n2", "n3"] as const;
    const routesOf = async (name: string): Promise<readonly string[]> =>
      await Promise.all(
        ports.slice(6).flatMap((port, index) => {
          const other = names[index] ?? "";
          if (routeTo !== undefined && other === name) return [];
          return [(routeTo?.(name, other, port) ?? Promise.resolve(port)).then((at) => `"nats://127.0.0.1:${at}"`)];
        }),
      );
    const advertise = routeTo === undefined ? "" : `advertise: "${NOWHERE}", `;
    const nodes = await Promise.all(
      names.map(async (name, index): Promise<ClusterNode> => {
        const [port, monitorPort, routePort] = [0, 3, 6].map((kind) => ports[kind + index]);
        const own = join(folder, name);
        await mkdir(own);
        await prepareFolder?.(own);
        if (typeof access !== "number") await writeFile(join(own, access.pairFile), access.serverPem, { mode: 0o600 });
        await writeFile(
          join(own, "nats.conf"),
          `server_name: ${name}, listen: "127.0.0.1:${port}", http: "127.0.0.1:${monitorPort}"
jetstream { store_dir: "${own}", sync_interval: always, max_file_store: 2GB }
${typeof access === "number" ? openAccess(access) : access.config}
cluster { name: fleet, listen: "127.0.0.1:${routePort}", ${advertise}routes: [${(await routesOf(name)).join()}] }`,
        );
        const urls = { url: `nats://127.0.0.1:${port}`, monitorUrl: `http://127.0.0.1:${monitorPort}` };
        return { name, ...urls, folder: own, child: launch(binary, own) };
      }),
    );
    const cluster = new NatsCluster(nodes, binary);
    try {
      await cluster.untilReady();
      await cluster.#untilJoined();
      return cluster;
    } catch (thrown) {
      await cluster.stop();
      throw thrown;
    }
  }

  /** The node that leads a stream. */
  async leaderOf(stream: string): Promise<ClusterNode> {
    for (;;) {
      const found = (await this.#streams()).find(({ name }) => name === stream)?.cluster?.leader;
      const node = this.nodes.find(({ name }) => name === found);
      if (node !== undefined) return node;
    }
  }

  /** What the streams reserve on each node, and their numbers of copies. */
  async reserved(): Promise<{ readonly bytes: number; readonly replicas: ReadonlySet<number> }> {
    const streams = await this.#streams();
    return {
      bytes: streams.reduce((sum, { config }) => sum + config.max_bytes, 0),
      replicas: new Set(streams.map(({ config }) => config.num_replicas)),
    };
  }

  /** Ends a node as a power cut does. */
  async kill({ child }: ClusterNode): Promise<void> {
    if (!isRunning(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Starts a node that was killed, and waits until it has caught up. */
  async restart(node: ClusterNode): Promise<void> {
    node.child = launch(this.#binary, node.folder);
    await this.untilReady();
  }

  /** Stops a node where it is, as a hypervisor does; nobody's connection to it ends. */
  pause({ child }: ClusterNode): void {
    child.kill("SIGSTOP");
  }

  /** Lets a node go on, and waits until it has caught up. */
  async resume({ child }: ClusterNode): Promise<void> {
    child.kill("SIGCONT");
    await this.untilReady();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.kill(node)));
  }

  async #streams(): Promise<readonly StreamDetail[]> {
    // Of the first that answers.
    const { account_details: accounts = [] } = await Promise.any(this.#pages());
    return accounts.flatMap(({ stream_detail: details = [] }) => details);
  }

  #pages(): readonly Promise<JetStreamPage>[] {
    return this.nodes.map(async ({ monitorUrl }) => {
      const response = await look(`${monitorUrl}/jsz?streams=1&config=1`);
      return (await response.json()) as JetStreamPage;
    });
  }

  /** A server that is healthy may be unknown to the one that places streams. */
  async #untilJoined(): Promise<void> {
    for (;;) {
      const pages = await Promise.all(this.#pages());
      const followers = pages.flatMap(({ meta_cluster: meta }) => meta?.replicas ?? []);
      if (followers.filter(({ current, offline }) => current && offline !== true).length >= this.nodes.length - 1)
        return;
      await pause();
    }
  }

  /** Waits until all run, and each has what the others have. Throws when one has ended. */
  async untilReady(): Promise<void> {
    for (;;) {
      for (const { child, name, folder } of this.nodes) {
        if (isRunning(child)) continue;
        throw new Error(`${name} ended: ${await readFile(`${folder}.log`, "utf8")}`);
      }
      const healths = this.nodes.map(({ monitorUrl }) =>
        look(`${monitorUrl}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
      if ((await Promise.all(healths)).every(Boolean)) return;
      await pause();
    }
  }
}

async function pause(): Promise<void> {
  await new Promise((wake) => setTimeout(wake, 50));
}

async function look(url: string): Promise<Response> {
  return await fetch(url, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) });
}

function launch(binary: string, folder: string): ChildProcess {
  // Beside the folder: what a server says of a disk that is full must not need that disk.
  const args = ["--config", join(folder, "nats.conf"), "--log", `${folder}.log`];
  return spawn(binary, args, { cwd: folder, stdio: "ignore" });
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
