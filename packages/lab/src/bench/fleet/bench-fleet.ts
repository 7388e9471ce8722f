import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandContext, createTable, type Progress, startProgress } from "@mpo/cli";
import { MIB, MpoError, quantile, SECOND_MS } from "@mpo/core";
import { untilAborted } from "@mpo/io";
import { createAdminClient } from "@mpo/transport";
import { openFilesLimit, residentBytes } from "../../process-memory.ts";
import { benchProcess, failureOf } from "./bench-process.ts";
import { checkReports } from "./check-reports.ts";
import type { AcknowledgedReport, CoordinatorReady } from "./fleet-messages.ts";
import { pushPhase } from "./push-phase.ts";
import { SimulatedFleet, until } from "./simulated-fleet.ts";

export interface BenchFleetOptions {
  readonly agents: number;
  readonly pushes: number;
  /** Configurations pushed in a second. */
  readonly rate: number;
  /** Agents started in a second. */
  readonly joinRate: number;
  readonly seed: number;
}

const PATIENCE_MS = 90_000;
const P50 = 0.5;
const P99 = 0.99;
/** Of a process that is not the fleet's: files, its own servers. */
const OTHER_FILES = 200;

/**
 * Runs a coordinator with its nats-server, and many simulated agents in a few processes: the product's agent core, each
 * with a gRPC channel and a NATS connection of its own; simulated are disk, sensors, serving program and engine. All
 * join, all report, and get the configurations that are searched for them; then configurations are pushed.
 */
export async function benchFleet(options: BenchFleetOptions, context: CommandContext): Promise<void> {
  await requireOpenFiles(options.agents);
  const folder = await mkdtemp(join(tmpdir(), "mpo-bench-fleet-"));
  try {
    const figures = await measure(options, folder, context);
    print(figures, context);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function measure(options: BenchFleetOptions, folder: string, context: CommandContext) {
  const { agents, pushes, rate, seed, joinRate: startsPerSecond } = options;
  const { signal, terminal } = context;
  let becomeReady: (ready: CoordinatorReady) => void = () => undefined;
  const ready = new Promise<CoordinatorReady>((resolve) => {
    becomeReady = resolve;
  });
  // The bench is one program that asks more than an operator would.
  const args = [folder, String(Math.max(1000, 2 * rate))];
  await using coordinator = benchProcess("coordinator", "fleet-coordinator-main", args, (message) =>
    becomeReady(message as CoordinatorReady),
  );
  const { grpc, natsUrl, natsPid } = await untilAborted(Promise.race([ready, failureOf(coordinator)]), signal);
  await using fleet = new SimulatedFleet({ coordinator: grpc, agents, startsPerSecond, seed });
  const admin = createAdminClient({ targets: [grpc] });
  let progress: Progress | undefined;
  const phase = async <T>(title: string, goal: number, work: (bar: Progress) => Promise<T>): Promise<T> => {
    terminal.detail(title);
    progress = startProgress(terminal, title, goal);
    try {
      return await Promise.race([work(progress), failureOf(coordinator), fleet.failure()]);
    } finally {
      progress.end();
    }
  };
  const tellWarnings = (thrown: unknown): never => {
    for (const [warning, times] of Object.entries(fleet.warnings)) terminal.complain(`${warning} (${times} times)`);
    throw thrown;
  };
  const wait = (what: string, goal: number, done: () => number): Promise<void> =>
    phase(what, goal, (bar) =>
      until({ what, goal, progress: done, signal, patienceMs: PATIENCE_MS, onProgress: (now) => bar.update(now, "") }),
    ).catch(tellWarnings);
  try {
    const joinSeconds = await seconds(() => wait("agents joined", agents, () => fleet.joined));
    const reportedAtMs = Date.now();
    fleet.report();
    const configuredSeconds = await seconds(async () => {
      await wait("reports acknowledged", agents, () => fleet.acknowledged.length);
      await wait("agents configured", agents, () => fleet.configured);
    });
    const latencies = await phase("configurations pushed", pushes, (bar) =>
      pushPhase({
        ...{ fleet, admin, agents, pushes, seed, signal, perSecond: rate, patienceMs: PATIENCE_MS },
        onProgress: (now) => bar.update(now, ""),
      }),
    );
    const [coordinatorRssBytes, natsRssBytes] = await Promise.all([coordinator.pid ?? 0, natsPid].map(residentBytes));
    return {
      agents,
      // From the making of a document to the device's saying that it runs by it.
      pushP50Ms: quantile(latencies, P50),
      pushP99Ms: quantile(latencies, P99),
      // Acknowledged, which means stored and synced, when all agents report, a good many at once.
      reportsPerSecond: ratePerSecond(fleet.acknowledged, reportedAtMs),
      // At the end, with all agents connected.
      coordinatorRssBytes: coordinatorRssBytes ?? 0,
      natsRssBytes: natsRssBytes ?? 0,
      ...(await checkReports(natsUrl, fleet.acknowledged, agents, signal)),
      pushes: latencies.length,
      joinSeconds,
      // From the first report until every agent ran by a configuration that was searched for it.
      configuredSeconds,
      ...{ drivers: fleet.drivers, retried: fleet.warnings },
    };
  } finally {
    admin.close();
  }
}

async function requireOpenFiles(agents: number): Promise<void> {
  const limit = await openFilesLimit();
  const needed = agents + OTHER_FILES;
  if (limit >= needed) return;
  throw new MpoError(
    "precondition-failed",
    `${agents} agents need ${needed} open files per process; the limit is ${limit}`,
    {
      hint: `Raise the limit (ulimit -Hn ${needed}), or choose at most ${limit - OTHER_FILES} agents.`,
    },
  );
}

function ratePerSecond(acknowledged: readonly AcknowledgedReport[], fromMs: number): number {
  const lastMs = acknowledged.reduce((last, { atMs }) => Math.max(last, atMs), fromMs + 1);
  return (acknowledged.length / (lastMs - fromMs)) * SECOND_MS;
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return (performance.now() - beganMs) / SECOND_MS;
}

function print(figures: Awaited<ReturnType<typeof measure>>, { terminal }: CommandContext): void {
  terminal.record({ event: "fleet", ...figures });
  const table = createTable(terminal, ["what", "measured"]);
  const { pushP50Ms, pushP99Ms, reportsPerSecond, coordinatorRssBytes, natsRssBytes } = figures;
  table.push(
    ["agents", `${figures.agents} in ${figures.drivers} processes`],
    ["joined in", `${figures.joinSeconds.toFixed(1)} s`],
    ["reports acknowledged", `${reportsPerSecond.toFixed(0)} per second`],
    ["all configured in", `${figures.configuredSeconds.toFixed(1)} s`],
    ["push to applied, median", `${pushP50Ms.toFixed(0)} ms`],
    ["push to applied, 99th percentile", `${pushP99Ms.toFixed(0)} ms of ${figures.pushes} pushes`],
    ["coordinator", `${(coordinatorRssBytes / MIB).toFixed(0)} MiB`],
    ["nats-server", `${(natsRssBytes / MIB).toFixed(0)} MiB`],
    ["reports lost, doubled", `${figures.lost}, ${figures.duplicated}`],
  );
  terminal.line(table.toString());
  for (const [what, times] of Object.entries(figures.retried)) terminal.note(`tried again: ${what} (${times} times)`);
}
