import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandContext, createTable, type Progress, startProgress } from "@mpo/cli";
import { MIB, MpoError, quantile, SECOND_MS } from "@mpo/core";
import { readLocalJoin } from "@mpo/identity";
import { AUTHORITY_FOLDER, adminOf, LOCAL_JOIN_FILE, openStoreLink } from "../../fleet-access.ts";
import { openFilesLimit, processorSeconds, residentBytes } from "../../process-figures.ts";
import { BenchCoordinator } from "./bench-coordinator.ts";
import { checkReports } from "./check-reports.ts";
import type { AcknowledgedReport, CoordinatorPauses, FleetModel } from "./fleet-messages.ts";
import { pushPhase } from "./push-phase.ts";
import { type RolloutFigures, rolloutPhase } from "./rollout-phase.ts";
import { SimulatedFleet, until } from "./simulated-fleet.ts";

export interface BenchFleetOptions {
  readonly agents: number;
  readonly pushes: number;
  /** Configurations pushed in a second. */
  readonly rate: number;
  /** Agents started in a second. */
  readonly joinRate: number;
  readonly seed: number;
  readonly model: FleetModel;
  /** Nobody proves who they are, and everything crosses in clear text. */
  readonly insecure: boolean;
  /** Devices that a rollout over all of them changes in a second; absent: there is none. */
  readonly rollout?: number;
}

const PATIENCE_MS = 90_000;
const P50 = 0.5;
const P99 = 0.99;
/** Of a process that is not the fleet's: files, its own servers. */
const OTHER_FILES = 200;
const KIB = 1024;

/**
 * Runs a coordinator with its nats-server, and many simulated agents in a few processes: the product's agent core, each
 * with a gRPC channel and a NATS connection of its own; simulated are disk, sensors, serving program and engine. All
 * join, all report, and get the configurations that are searched for them; then configurations are pushed, and at last the
 * coordinator is killed and started again.
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
  const { agents, pushes, rate, seed, joinRate: startsPerSecond, insecure, model } = options;
  const { signal, terminal } = context;
  // The bench is one program that asks more than an operator would.
  const callsPerSecond = Math.max(1000, 2 * rate);
  await using coordinator = await BenchCoordinator.create({ folder, callsPerSecond, insecure });
  const { grpc, natsUrl, natsPid } = await coordinator.start(signal);
  const localJoinFile = join(folder, LOCAL_JOIN_FILE);
  const local = insecure ? undefined : await readLocalJoin(localJoinFile, { signal });
  const identities = local && { localJoinFile, folder: join(folder, "devices") };
  await using fleet = new SimulatedFleet({ coordinators: [grpc], identities, agents, model, startsPerSecond, seed });
  const admin = adminOf([grpc], local && (() => local));
  const link = await openStoreLink(natsUrl, insecure ? undefined : join(folder, AUTHORITY_FOLDER), { signal });
  let progress: Progress | undefined;
  const phase = async <T>(title: string, goal: number, work: (bar: Progress) => Promise<T>): Promise<T> => {
    terminal.detail(title);
    progress = startProgress(terminal, title, goal);
    try {
      return await Promise.race([work(progress), coordinator.failure(), fleet.failure()]);
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
  const pids = (): readonly number[] => [coordinator.pid, natsPid];
  const perDevice = async (figure: (pid: number) => Promise<number>) => {
    const [ofCoordinator = 0, ofNats = 0] = await Promise.all(pids().map(figure));
    return { coordinator: ofCoordinator / agents, nats: ofNats / agents };
  };
  try {
    const emptyBytes = await perDevice(residentBytes);
    await coordinator.pauses(signal);
    const joinSeconds = await seconds(() => wait("agents joined", agents, () => fleet.joined));
    const joinProcessorSeconds = await perDevice(processorSeconds);
    const joinedBytes = await perDevice(residentBytes);
    const joinPauses = await coordinator.pauses(signal);
    const reportedAtMs = Date.now();
    fleet.report();
    const configuredSeconds = await seconds(async () => {
      await wait("reports acknowledged", agents, () => fleet.acknowledged.length);
      await wait("agents configured", agents, () => fleet.configured);
    });
    const searchPauses = await coordinator.pauses(signal);
    const latencies = await phase("configurations pushed", pushes, (bar) =>
      pushPhase({
        ...{ fleet, admin, agents, pushes, seed, signal, perSecond: rate, patienceMs: PATIENCE_MS },
        onProgress: (now) => bar.update(now, ""),
      }),
    );
    const pushPauses = await coordinator.pauses(signal);
    const { rollout: perSecond } = options;
    const rollout =
      perSecond === undefined
        ? undefined
        : await phase("devices changed by a rollout", agents, (bar) =>
            rolloutPhase({
              ...{ fleet, admin, link, agents, perSecond, signal, patienceMs: PATIENCE_MS },
              onProgress: (now) => bar.update(now, ""),
            }),
          ).catch(tellWarnings);
    const [coordinatorRssBytes = 0, natsRssBytes = 0] = await Promise.all(pids().map(residentBytes));
    const totalProcessorSeconds = await perDevice(processorSeconds);
    const reconnectSeconds = await seconds(async () => {
      await coordinator.kill();
      fleet.reconnect();
      await coordinator.start(signal);
      await wait("agents reconnected", agents, () => fleet.reconnected);
    });
    return {
      ...{ agents, model },
      // From the making of a document to the device's saying that it runs by it.
      pushP50Ms: quantile(latencies, P50),
      pushP99Ms: quantile(latencies, P99),
      // Acknowledged, which means stored and synced, when all agents report, a good many at once.
      reportsPerSecond: ratePerSecond(fleet.acknowledged, reportedAtMs),
      // Before the kill, with all agents connected.
      ...{ coordinatorRssBytes, natsRssBytes },
      // From no agent to all connected, for each.
      coordinatorDeviceBytes: joinedBytes.coordinator - emptyBytes.coordinator,
      natsDeviceBytes: joinedBytes.nats - emptyBytes.nats,
      // How long its event loop stood still: while agents joined, while all reported and were searched for, while it pushed.
      pauses: { joining: joinPauses, searching: searchPauses, pushing: pushPauses },
      // For each agent: until all had joined, with the start; and until the kill.
      ...{ joinProcessorSeconds, totalProcessorSeconds },
      ...(await checkReports(link, fleet.acknowledged, agents, signal)),
      ...(rollout === undefined ? {} : { rollout: rolloutRecord(rollout) }),
      pushes: latencies.length,
      ...{ joinSeconds, joinsPerSecond: agents / joinSeconds },
      // From the first report until every agent ran by a configuration that was searched for it.
      configuredSeconds,
      // From the kill until the coordinator that was started in its place had answered every agent.
      reconnectSeconds,
      ...{ isInsecure: insecure, drivers: fleet.drivers, retried: fleet.warnings },
    };
  } finally {
    admin.close();
    await link.close();
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

/** As it is printed: without its single pushes. */
function rolloutRecord({ latencies, ...figures }: RolloutFigures) {
  return {
    ...figures,
    pushP50Ms: quantile(latencies, P50),
    pushP99Ms: quantile(latencies, P99),
    pushes: latencies.length,
  };
}

function longestPauses(pauses: Readonly<Record<"joining" | "searching" | "pushing", CoordinatorPauses>>): string {
  return Object.entries(pauses)
    .map(([phase, { longestMs, p99Ms }]) => `${phase} ${longestMs.toFixed(0)} ms (99 %: ${p99Ms.toFixed(0)} ms)`)
    .join(", ");
}

function print(figures: Awaited<ReturnType<typeof measure>>, { terminal }: CommandContext): void {
  terminal.record({ event: "fleet", ...figures });
  const table = createTable(terminal, ["what", "measured"]);
  const { pushP50Ms, pushP99Ms, reportsPerSecond, coordinatorRssBytes, natsRssBytes } = figures;
  const {
    joinProcessorSeconds: joining,
    totalProcessorSeconds: total,
    coordinatorDeviceBytes,
    natsDeviceBytes,
  } = figures;
  const ms = (one: number): string => `${(one * SECOND_MS).toFixed(1)} ms`;
  const kib = (one: number): string => `${(one / KIB).toFixed(0)} KiB`;
  table.push(
    [
      "agents",
      `${figures.agents}, each with ${figures.model}, in ${figures.drivers} processes${figures.isInsecure ? ", nobody proven" : ""}`,
    ],
    ["joined in", `${figures.joinSeconds.toFixed(1)} s, ${figures.joinsPerSecond.toFixed(0)} per second`],
    ["reports acknowledged", `${reportsPerSecond.toFixed(0)} per second`],
    ["all configured in", `${figures.configuredSeconds.toFixed(1)} s`],
    ["push to applied, median", `${pushP50Ms.toFixed(0)} ms`],
    ["push to applied, 99th percentile", `${pushP99Ms.toFixed(0)} ms of ${figures.pushes} pushes`],
    ["killed coordinator, all back in", `${figures.reconnectSeconds.toFixed(1)} s`],
    [
      "coordinator",
      `${(coordinatorRssBytes / MIB).toFixed(0)} MiB; for each device that joins ${kib(coordinatorDeviceBytes)}`,
    ],
    ["nats-server", `${(natsRssBytes / MIB).toFixed(0)} MiB; for each device that joins ${kib(natsDeviceBytes)}`],
    ["coordinator's longest pause", longestPauses(figures.pauses)],
    ["processor, coordinator", `${ms(total.coordinator)} a device, to join ${ms(joining.coordinator)}`],
    ["processor, nats-server", `${ms(total.nats)} a device, to join ${ms(joining.nats)}`],
    ["reports lost, doubled", `${figures.lost}, ${figures.duplicated}`],
  );
  const { rollout } = figures;
  if (rollout !== undefined)
    table.push(
      ["rollout, plan", `${rollout.planSeconds.toFixed(1)} s for ${rollout.devices} devices`],
      ["rollout, until over", `${rollout.seconds.toFixed(0)} s, ${rollout.expectedSeconds.toFixed(0)} s expected`],
      ["rollout, end", `${rollout.phase}, ${rollout.confirmed} confirmed`],
      [
        "rollout, push to applied",
        `median ${rollout.pushP50Ms.toFixed(0)} ms, 99th percentile ${rollout.pushP99Ms.toFixed(0)} ms`,
      ],
    );
  terminal.line(table.toString());
  for (const [what, times] of Object.entries(figures.retried)) terminal.note(`tried again: ${what} (${times} times)`);
}
