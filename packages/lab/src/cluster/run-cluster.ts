import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MpoError, SECOND_MS } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { until } from "../bench/fleet/simulated-fleet.ts";
import type { PromiseFigures } from "../promises/fleet-promises.ts";
import { type DrawnFault, type FaultGroup, faultsOf } from "./cluster-faults.ts";
import { ClusterFleet } from "./cluster-fleet.ts";
import { ClusterHistory, identityOf } from "./cluster-history.ts";
import { ClusterLoad } from "./cluster-load.ts";
import { readDocument } from "./document-load.ts";
import type { LoadNotes } from "./outcomes.ts";
import { type FaultSpan, Timeline } from "./timeline.ts";

export interface ClusterRunOptions {
  readonly agents: number;
  /** No fault begins after this. */
  readonly maxMs: number;
  readonly seed: number;
  /** What may go wrong. */
  readonly groups: readonly FaultGroup[];
  /** Whether a server whose disk has failed starts again with what it has. */
  readonly keepsStores: boolean;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What a run found. */
export interface ClusterReport extends PromiseFigures {
  readonly seed: number;
  readonly agents: number;
  readonly seconds: number;
  readonly faults: readonly FaultSpan[];
  /** Answered calls whose order was looked at. */
  readonly calls: number;
  /** Writes of operators and of registers that were acknowledged. */
  readonly writes: number;
  readonly retired: number;
  readonly events: number;
  /** Calls of which it is not known what became, by kind. */
  readonly unknown: Readonly<Record<string, number>>;
  readonly rollout: { readonly phase: string; readonly pushes: number };
  readonly pushes: { readonly quietMs: readonly number[]; readonly troubledMs: readonly number[] };
  /** Empty: everything held. */
  readonly anomalies: readonly string[];
}

const GHOSTS = 8;
const PATIENCE_MS = 120_000;
const LOOK_MS = 100;
const AT_ONCE = 32;
/** Faults between two looks at all that is stored: it takes a write for each device. */
const CHECK_ALL_EVERY = 10;

/**
 * Runs a fleet over a cluster of three nats-servers with two coordinators, makes one thing after the other go wrong as the
 * seed says, all the while under load, and holds what was acknowledged against what is there. The folder with logs stays
 * when something did not hold.
 */
export async function runCluster(options: ClusterRunOptions): Promise<ClusterReport> {
  const { onProgress } = options;
  const folder = await mkdtemp(join(tmpdir(), "mpo-cluster-"));
  const report = await measure(options, folder).catch((thrown: unknown) => {
    onProgress(`the logs are in ${folder}`);
    throw thrown;
  });
  if (report.anomalies.length > 0) onProgress(`the logs are in ${folder}`);
  else await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  return report;
}

async function measure(options: ClusterRunOptions, folder: string): Promise<ClusterReport> {
  const { agents, maxMs, seed, groups, keepsStores, onProgress, signal } = options;
  const history = new ClusterHistory();
  const timeline = new Timeline();
  const listener = history.hear.bind(history);
  const surroundings = { hasDisks: groups.includes("disks"), keepsStores };
  await using fleet = await ClusterFleet.start({
    ...{ folder, agents, ghosts: GHOSTS, seed, listener, onProgress, signal },
    ...surroundings,
  });
  fleet.agents.report();
  await until({
    ...{ what: "agents configured", goal: agents, patienceMs: PATIENCE_MS, signal, onProgress: () => undefined },
    progress: () => fleet.agents.configured,
  });
  onProgress(`${agents} agents have reported, and run by their documents`);
  await using load = await ClusterLoad.start({ fleet, history, timeline, agents, ghosts: GHOSTS, seed, maxMs, signal });
  const beganMs = systemClock.monotonicMs();
  const work = async (): Promise<void> => {
    let count = 0;
    const victims = { servers: fleet.cluster.nodes.length, coordinators: fleet.coordinators.length };
    for (const drawn of faultsOf(seed, groups, victims)) {
      await systemClock.sleep(drawn.quietMs, { signal });
      if (systemClock.monotonicMs() - beganMs > maxMs || history.anomalies().length > 0) return;
      const span = await disturb(drawn, { fleet, timeline, agents, signal });
      await load.checkLabels();
      count += 1;
      if (count % CHECK_ALL_EVERY === 0) await load.checkStored();
      onProgress(timeline.lineOf(span));
      const { acknowledged, lost } = history.figures;
      const found = history.anomalies();
      onProgress(
        `  ${acknowledged} reports, ${timeline.writes} writes acknowledged; ${lost} lost, ${found.length} anomalies`,
      );
    }
  };
  await Promise.race([work(), load.failure(), fleet.agents.failure()]);
  const { rollout } = load;
  for (const problem of await rollout.check()) history.fail(`rollout: ${problem}`);
  onProgress(`the rollout is ${rollout.phase}, with ${rollout.history.pushes} pushes`);
  await load.end();
  await settle(fleet, { ...load.notes, signal }, options);
  const events = await load.checkAll();
  return {
    ...{ seed, agents, seconds: (systemClock.monotonicMs() - beganMs) / SECOND_MS },
    ...{ ...history.figures, faults: timeline.faults, calls: history.calls, writes: timeline.writes },
    ...{ retired: load.labels.retired, events, unknown: load.unknown, anomalies: history.anomalies() },
    rollout: { phase: rollout.phase, pushes: rollout.history.pushes },
    pushes: timeline.pushLatencies((device, version) => fleet.agents.appliedAtMs(device, version)),
  };
}

/** Lets a fault happen, and waits until all is well again. */
async function disturb(
  { fault, server: serverAt, coordinator: coordinatorAt, lastsMs }: DrawnFault,
  { fleet, timeline, agents, signal }: Disturbed,
): Promise<FaultSpan> {
  const server = fleet.cluster.nodes[serverAt];
  const coordinator = fleet.coordinators[coordinatorAt];
  if (server === undefined || coordinator === undefined) throw new MpoError("internal", "nobody to do it to");
  const victims = { fleet, server, coordinator, signal };
  const span = timeline.begin(fault.name);
  fleet.agents.reconnect();
  await fault.start(victims);
  const untilMs = systemClock.monotonicMs() + lastsMs;
  while (systemClock.monotonicMs() < untilMs) {
    if (span.servedMs === undefined && fleet.agents.reconnected === agents) timeline.served(span);
    await systemClock.sleep(LOOK_MS, { signal });
  }
  timeline.ending(span);
  await fault.end(victims);
  timeline.ended(span);
  // From here on: who was reached while it lasted may have lost touch again.
  fleet.agents.reconnect();
  await until({
    ...{ what: `agents back after: ${fault.name}`, goal: agents, patienceMs: PATIENCE_MS, signal },
    ...{ progress: () => fleet.agents.reconnected, onProgress: () => undefined },
  });
  timeline.recovered(span);
  return span;
}

interface Disturbed {
  readonly fleet: ClusterFleet;
  readonly timeline: Timeline;
  readonly agents: number;
  readonly signal: AbortSignal;
}

/** Reads every device's document from both coordinators, and waits until the device runs by it. */
async function settle(
  fleet: ClusterFleet,
  notes: LoadNotes,
  { agents, onProgress, signal }: ClusterRunOptions,
): Promise<void> {
  const devices = Array.from({ length: agents }, (_, device) => device).values();
  const endMs = systemClock.monotonicMs() + PATIENCE_MS;
  const reader = async (): Promise<void> => {
    for (const device of devices) {
      for (;;) {
        const versions = [];
        for (const { admin } of fleet.coordinators) versions.push((await readDocument(notes, admin, device)) ?? 0);
        const applied = fleet.agents.newestVersion(device);
        if (versions.every((version) => version === applied)) break;
        if (systemClock.monotonicMs() > endMs) {
          const { device: name } = identityOf(device);
          notes.history.fail(`${name} runs by ${applied}, and its coordinators have ${versions.join(" and ")}`);
          break;
        }
        await systemClock.sleep(LOOK_MS, { signal });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  onProgress("every device runs by its newest document");
}
