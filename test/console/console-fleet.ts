import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { CONSOLE_FOLDER } from "@mpo/console";
import {
  type CoordinatorAddresses,
  type ExternalNats,
  NATS_FILES,
  prepareNats,
  runCoordinator,
} from "@mpo/coordinator";
import { type LocalJoin, readLocalJoin } from "@mpo/identity";
import type { Role } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { type AdminClient, createAdminClient, findNatsServer, steadyTls } from "@mpo/transport";
import { freePorts } from "@mpo/transport/testing";

const { PATH = "", MPO_CACHE, XDG_CACHE_HOME, MPO_NATS_SERVER } = process.env;
const SEARCH = {
  searchPath: PATH.split(delimiter),
  cacheFolder: MPO_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mpoptimizer"),
};

export const noNats: string | false = await findNatsServer({ ...SEARCH, named: MPO_NATS_SERVER }).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

/** A coordinator that runs in this process. */
export interface Running {
  readonly addresses: CoordinatorAddresses;
  readonly local: LocalJoin;
  readonly admin: AdminClient;
  stop(): Promise<void>;
}

/** Several coordinators over one NATS, behind one address, as behind a load balancer. */
export interface ConsoleFleet {
  /** Where browsers go. */
  readonly origin: string;
  readonly coordinators: readonly Running[];
  /** Asks the first that runs. */
  readonly admin: AdminClient;
  /** A line to sign in with. */
  login(name: string, role: Role): Promise<string>;
  /** From now on browsers reach this one; connections to the other end. */
  lead(index: number): void;
}

export async function consoleFleet(context: TestContext, names: readonly string[]): Promise<ConsoleFleet> {
  const base = await mkdtemp(join(tmpdir(), "mpo-console-"));
  context.after(() => rm(base, { recursive: true, force: true }));
  const authority = join(base, "authority");
  const prepared = await prepareNats(authority);
  const nats = await startNats(context, join(base, "nats"), prepared);
  const coordinators: Running[] = [];
  for (const name of names) coordinators.push(await start(context, { name, base, nats, authority }));
  const [first] = coordinators as [Running];
  const balancer = await balance(context, coordinators);
  return {
    ...{ origin: balancer.origin, coordinators, admin: first.admin, lead: balancer.lead },
    login: async (name, role) => {
      const { loginString } = await first.admin.createAccessToken({ name, role, validMs: 3_600_000 });
      return loginString;
    },
  };
}

async function start(
  context: TestContext,
  of: { readonly name: string; readonly base: string; readonly nats: ExternalNats; readonly authority: string },
): Promise<Running> {
  const folder = join(of.base, of.name);
  await mkdir(folder, { mode: 0o700 });
  const ends = new AbortController();
  const process = new EventEmitter();
  const localFile = join(folder, "local.json");
  let running: Promise<number> | undefined;
  const addresses = await new Promise<CoordinatorAddresses>((resolve, reject) => {
    running = runCoordinator(
      // Leads soon after another was killed; and devices come and go fast enough to be watched.
      {
        name: of.name,
        grpc: { port: 0 },
        http: { port: 0 },
        leaseMs: 2_000,
        heartbeatSeconds: 2,
        callsPerSecond: 2_000,
      },
      {
        ...{ nats: of.nats, keys: { folder: of.authority }, consoleFolder: CONSOLE_FOLDER, logger: silentLogger },
        localJoinFile: () => localFile,
        process: {
          on: (name, listener) => process.on(name, listener),
          off: (name, listener) => process.off(name, listener),
          exit: () => undefined,
        },
        signal: ends.signal,
        onReady: resolve,
        onFailure: reject,
      },
    );
    running.then((code) => reject(new Error(`it ended with ${code}`)), reject);
  });
  const local = await readLocalJoin(localFile);
  const admin = createAdminClient({
    targets: [addresses.grpc],
    tls: steadyTls(() => ({ caPem: local.caPem })),
    bearer: () => local.accessToken,
  });
  const stop = async (): Promise<void> => {
    admin.close();
    ends.abort();
    await running;
  };
  context.after(stop);
  return { addresses, local, admin, stop };
}

async function startNats(
  context: TestContext,
  folder: string,
  { config, serverPem }: Awaited<ReturnType<typeof prepareNats>>,
): Promise<ExternalNats> {
  await mkdir(folder);
  const [port, monitor] = (await freePorts(2)) as [number, number];
  await writeFile(join(folder, NATS_FILES.pairFile), serverPem, { mode: 0o600 });
  const text = `listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitor}"
jetstream { store_dir: js, sync_interval: always }
${config}`;
  await writeFile(join(folder, "nats.conf"), text);
  const { path } = await findNatsServer({ ...SEARCH, named: MPO_NATS_SERVER });
  const child = spawn(path, ["--config", "nats.conf", "--log", "nats.log"], { cwd: folder, stdio: "ignore" });
  context.after(async () => {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
  });
  const monitorUrl = `http://127.0.0.1:${monitor}`;
  while (
    !(await fetch(`${monitorUrl}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 50));
  return { kind: "external", servers: [`tls://127.0.0.1:${port}`], replicas: 1, monitorUrls: [monitorUrl] };
}

/** Passes connections on, as they are: TLS ends at the coordinator. */
async function balance(
  context: TestContext,
  coordinators: readonly Running[],
): Promise<{ readonly origin: string; readonly lead: (index: number) => void }> {
  let leader = 0;
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const { port } = new URL(coordinators[leader]?.addresses.http ?? "");
    const outgoing = connect(Number(port), "127.0.0.1");
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(async () => {
    cut();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const { protocol } = new URL(coordinators[0]?.addresses.http ?? "");
  return {
    origin: `${protocol}//127.0.0.1:${port}`,
    lead: (index) => {
      leader = index;
      cut();
    },
  };
}
