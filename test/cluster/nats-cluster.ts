import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "@mpo/transport/testing";

/** What is read of a stream in a node's `/jsz`. */
interface StreamDetail {
  readonly name: string;
  readonly config: { readonly max_bytes: number; readonly num_replicas: number };
  readonly cluster?: { readonly leader?: string };
}

interface JetStreamPage {
  readonly account_details?: readonly { readonly stream_detail?: readonly StreamDetail[] }[];
}

/** One server of a cluster. */
interface Node {
  readonly name: string;
  readonly url: string;
  readonly monitorUrl: string;
  readonly folder: string;
  child: ChildProcess;
}

/** Three nats-servers as a person would run them: an account with a limit, each write on disk before it is acknowledged. */
export class NatsCluster {
  readonly nodes: readonly Node[];
  readonly #binary: string;

  private constructor(nodes: readonly Node[], binary: string) {
    this.nodes = nodes;
    this.#binary = binary;
  }

  /** Starts them, and waits until they have a leader. `accountBytes`: of all copies together. */
  static async start(binary: string, folder: string, accountBytes: number): Promise<NatsCluster> {
    const ports = await freePorts(9);
    const routes = ports.slice(6).map((port) => `"nats://127.0.0.1:${port}"`);
    const nodes = await Promise.all(
      ["n1", "n2", "n3"].map(async (name, index): Promise<Node> => {
        const [port, monitorPort, routePort] = [0, 3, 6].map((kind) => ports[kind + index]);
        const own = join(folder, name);
        await mkdir(own);
        await writeFile(
          join(own, "nats.conf"),
          `server_name: ${name}, listen: "127.0.0.1:${port}", http: "127.0.0.1:${monitorPort}", no_auth_user: fleet
jetstream { store_dir: "${own}", sync_interval: always, max_file_store: 2GB }
accounts { FLEET: { jetstream: { max_file: ${accountBytes} }, users: [{ user: fleet, password: fleet }] } }
cluster { name: fleet, listen: "127.0.0.1:${routePort}", routes: [${routes.join()}] }`,
        );
        const urls = { url: `nats://127.0.0.1:${port}`, monitorUrl: `http://127.0.0.1:${monitorPort}` };
        return { name, ...urls, folder: own, child: launch(binary, own) };
      }),
    );
    const cluster = new NatsCluster(nodes, binary);
    try {
      await cluster.#untilReady();
      return cluster;
    } catch (thrown) {
      await cluster.stop();
      throw thrown;
    }
  }

  /** The node that leads a stream. */
  async leaderOf(stream: string): Promise<Node> {
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

  /** Starts a node that was killed, and waits until it has caught up. */
  async restart(node: Node): Promise<void> {
    node.child = launch(this.#binary, node.folder);
    await this.#untilReady();
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(kill));
  }

  async #streams(): Promise<readonly StreamDetail[]> {
    const response = await fetch(`${this.nodes[0]?.monitorUrl}/jsz?streams=1&config=1`);
    const { account_details: accounts = [] } = (await response.json()) as JetStreamPage;
    return accounts.flatMap(({ stream_detail: details = [] }) => details);
  }

  async #untilReady(): Promise<void> {
    for (;;) {
      for (const { child, name, folder } of this.nodes) {
        if (isRunning(child)) continue;
        throw new Error(`${name} ended: ${await readFile(join(folder, "nats.log"), "utf8")}`);
      }
      const healths = this.nodes.map(({ monitorUrl }) =>
        fetch(`${monitorUrl}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      );
      if ((await Promise.all(healths)).every(Boolean)) return;
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}

/** Ends a node as a power cut does. */
export async function kill({ child }: Pick<Node, "child">): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function launch(binary: string, folder: string): ChildProcess {
  const args = ["--config", join(folder, "nats.conf"), "--log", join(folder, "nats.log")];
  return spawn(binary, args, { stdio: "ignore" });
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
