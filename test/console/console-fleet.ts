import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { type ExternalNats, NATS_FILES, prepareNats, type RunOptions } from "@mpo/coordinator";
import type { Role } from "@mpo/protocol";
import { type AdminClient, findNatsServer } from "@mpo/transport";
import { freePorts } from "@mpo/transport/testing";
import { type CoordinatorPlan, type Running, startApart, startHere } from "./running-coordinator.ts";

const { PATH = "", MPO_CACHE, XDG_CACHE_HOME, MPO_NATS_SERVER } = process.env;
const SEARCH = {
  searchPath: PATH.split(delimiter),
  cacheFolder: MPO_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mpoptimizer"),
};

export const noNats: string | false = await findNatsServer({ ...SEARCH, named: MPO_NATS_SERVER }).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

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

interface FleetOptions {
  /** Each coordinator has a process of its own: it can be killed. */
  readonly areApart?: boolean;
  readonly settings?: CoordinatorPlan["settings"];
  readonly more?: Partial<RunOptions>;
}

export async function consoleFleet(
  context: TestContext,
  names: readonly string[],
  { areApart = false, settings = {}, more = {} }: FleetOptions = {},
): Promise<ConsoleFleet> {
  const base = await mkdtemp(join(tmpdir(), "mpo-console-"));
  context.after(() => rm(base, { recursive: true, force: true }));
  const authority = join(base, "authority");
  const prepared = await prepareNats(authority);
  const nats = await startNats(context, join(base, "nats"), prepared);
  const coordinators: Running[] = [];
  for (const name of names) {
    const plan = { name, base, nats, authority, settings };
    coordinators.push(await (areApart ? startApart(context, plan) : startHere(context, plan, more)));
  }
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
