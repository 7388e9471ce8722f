import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { CONSOLE_FOLDER } from "@mpo/console";
import {
  type CoordinatorAddresses,
  type CoordinatorSettings,
  type ExternalNats,
  type RunOptions,
  runCoordinator,
} from "@mpo/coordinator";
import { type LocalJoin, readLocalJoin } from "@mpo/identity";
import { silentLogger } from "@mpo/runtime";
import { type AdminClient, createAdminClient, steadyTls } from "@mpo/transport";

/** What a coordinator of a test is made of; all of it can be passed on to another process. */
export interface CoordinatorPlan {
  readonly name: string;
  readonly base: string;
  readonly nats: ExternalNats;
  readonly authority: string;
  readonly settings?: CoordinatorSettings;
}

export interface Running {
  readonly addresses: CoordinatorAddresses;
  readonly local: LocalJoin;
  readonly admin: AdminClient;
  /** Ends it as kill -9 does, where it is a process of its own; else as SIGTERM does. */
  kill(): Promise<void>;
}

/** Runs a coordinator in this process until the signal; the answer is when it is over. */
export async function runHere(
  { name, base, nats, authority, settings }: CoordinatorPlan,
  { signal, more = {} }: { readonly signal: AbortSignal; readonly more?: Partial<RunOptions> },
): Promise<{ readonly addresses: CoordinatorAddresses; readonly ended: Promise<number> }> {
  const process = new EventEmitter();
  await mkdir(join(base, name), { mode: 0o700, recursive: true });
  return await new Promise((resolve, reject) => {
    const ended: Promise<number> = runCoordinator(
      {
        // Leads soon after another was killed; and devices come and go fast enough to be watched.
        ...{ name, grpc: { port: 0 }, http: { port: 0 }, leaseMs: 2_000, heartbeatSeconds: 2, callsPerSecond: 2_000 },
        ...settings,
      },
      {
        ...{ nats, keys: { folder: authority }, consoleFolder: CONSOLE_FOLDER, logger: silentLogger },
        localJoinFile: () => localFileOf({ base, name }),
        process: {
          on: (event, listen) => process.on(event, listen),
          off: (event, listen) => process.off(event, listen),
          exit: () => undefined,
        },
        signal,
        onReady: (addresses) => resolve({ addresses, ended }),
        onFailure: reject,
        ...more,
      },
    );
    ended.then((code) => reject(new Error(`it ended with ${code}`)), reject);
  });
}

function localFileOf({ base, name }: Pick<CoordinatorPlan, "base" | "name">): string {
  return join(base, name, "local.json");
}

export async function startHere(
  context: TestContext,
  plan: CoordinatorPlan,
  more: Partial<RunOptions> = {},
): Promise<Running> {
  const ends = new AbortController();
  const { addresses, ended } = await runHere(plan, { signal: ends.signal, more });
  return await reached(context, plan, addresses, async () => {
    ends.abort();
    await ended;
  });
}

const MAIN = fileURLToPath(new URL("coordinator-main.ts", import.meta.url));

/** In a process of its own, which can be killed. */
export async function startApart(context: TestContext, plan: CoordinatorPlan): Promise<Running> {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
  };
  context.after(kill);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([once(lines, "line"), ended.then(() => [])])) as readonly string[];
  if (line === undefined) throw new Error(`coordinator ${plan.name} did not start`);
  return await reached(context, plan, JSON.parse(line) as CoordinatorAddresses, kill);
}

async function reached(
  context: TestContext,
  plan: CoordinatorPlan,
  addresses: CoordinatorAddresses,
  end: () => Promise<void>,
): Promise<Running> {
  const local = await readLocalJoin(localFileOf(plan));
  const admin = createAdminClient({
    targets: [addresses.grpc],
    tls: steadyTls(() => ({ caPem: local.caPem })),
    bearer: () => local.accessToken,
  });
  const kill = async (): Promise<void> => {
    admin.close();
    await end();
  };
  context.after(kill);
  return { addresses, local, admin, kill };
}
