import { setMaxListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MpoError, SECOND_MS } from "@mpo/core";
import { linkSignals, systemClock } from "@mpo/io";
import { FLEET_LAYOUT, openExistingStore, type StateStore } from "@mpo/transport";
import { until } from "../bench/fleet/simulated-fleet.ts";
import type { PromiseFigures } from "../promises/fleet-promises.ts";
import { faultsOf } from "./cluster-faults.ts";
import { ClusterFleet } from "./cluster-fleet.ts";
import { ClusterHistory, identityOf } from "./cluster-history.ts";
import { type DocumentLoad, pushDocuments, readDocument } from "./document-load.ts";
import { LabelledDevices } from "./label-load.ts";
import type { LoadNotes } from "./outcomes.ts";
import { type RegisterWorker, readRegisters, workOnRegisters } from "./register-load.ts";
import { RolloutThrough } from "./rollout-load.ts";
import { type FaultSpan, Timeline } from "./timeline.ts";

export interface ClusterRunOptions {
  readonly agents: number;
  /** No fault begins after this. */
  readonly maxMs: number;
  readonly seed: number;
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

const OPERATORS = 4;
const GHOSTS = 8;
const PATIENCE_MS = 120_000;
const LOOK_MS = 100;
const AT_ONCE = 32;

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
  const { agents, maxMs, seed, onProgress, signal } = options;
  const history = new ClusterHistory();
  const timeline = new Timeline();
  const listener = history.hear.bind(history);
  await using fleet = await ClusterFleet.start({ folder, agents, ghosts: GHOSTS, seed, listener, onProgress, signal });
  using loading = linkSignals(signal);
  using watching = linkSignals(signal);
  // Every call under way listens.
  for (const one of [signal, loading.signal, watching.signal]) setMaxListeners(0, one);
  const ends: (() => Promise<void> | void)[] = [];
  const openStore = async (): Promise<StateStore> => {
    const link = await fleet.storeLink(signal);
    ends.push(() => link.close());
    return await openExistingStore(link, FLEET_LAYOUT, { replicas: fleet.cluster.nodes.length });
  };
  try {
    const store = await openStore();
    const running: Promise<void>[] = [history.watch(store, watching.signal)];
    fleet.agents.report();
    await until({
      ...{ what: "agents configured", goal: agents, patienceMs: PATIENCE_MS, signal, onProgress: () => undefined },
      progress: () => fleet.agents.configured,
    });
    onProgress(`${agents} agents have reported, and run by their documents`);
    const unknown: Record<string, number> = {};
    const notes: LoadNotes = {
      history,
      onOutcome: (outcome) => {
        unknown[outcome] = (unknown[outcome] ?? 0) + 1;
      },
      signal: loading.signal,
    };
    const operators = Array.from({ length: OPERATORS + 1 }, () => fleet.operator());
    ends.push(() => {
      for (const admin of operators) admin.close();
    });
    const [admin, ...pushing] = operators as [(typeof operators)[number], ...typeof operators];
    const rollout = new RolloutThrough({ store, admin, agents, maxMs, signal }, watching.signal);
    running.push(rollout.following);
    await rollout.start();
    const onWritten = (atMs: number): void => timeline.written(atMs);
    const onStored = (atMs: number): void => timeline.stored(atMs);
    const labels = new LabelledDevices({ ...notes, admin, agents, ghosts: GHOSTS, seed: seed + 1, onWritten });
    const documents: DocumentLoad = {
      ...{ ...notes, operators: pushing, agents, seed: seed + 2 },
      onPushed: (push) => timeline.pushed(push),
    };
    const workers: RegisterWorker[] = [];
    for (const name of ["a", "b", "c"]) {
      workers.push({ ...notes, name, store: await openStore(), seed: seed + 100 + workers.length, onStored });
    }
    running.push(labels.run(), pushDocuments(documents), ...workers.map(workOnRegisters));
    running.push(...fleet.coordinators.map((one) => timeline.follow(one, loading.signal)));
    const failed = Promise.all(running).then(() => new Promise<never>(() => undefined));
    const beganMs = systemClock.monotonicMs();
    const work = async (): Promise<void> => {
      for (const drawn of faultsOf(seed)) {
        await systemClock.sleep(drawn.quietMs, { signal });
        if (systemClock.monotonicMs() - beganMs > maxMs || history.anomalies().length > 0) return;
        const server = fleet.cluster.nodes[Math.floor(drawn.pickServer * fleet.cluster.nodes.length)];
        const coordinator = fleet.coordinators[Math.floor(drawn.pickCoordinator * fleet.coordinators.length)];
        if (server === undefined || coordinator === undefined) throw new MpoError("internal", "nobody to do it to");
        const victims = { fleet, server, coordinator, signal };
        const span = timeline.begin(drawn.fault.name);
        fleet.agents.reconnect();
        await drawn.fault.start(victims);
        const lastsUntilMs = systemClock.monotonicMs() + drawn.lastsMs;
        while (systemClock.monotonicMs() < lastsUntilMs) {
          if (span.servedMs === undefined && fleet.agents.reconnected === agents) timeline.served(span);
          await systemClock.sleep(LOOK_MS, { signal });
        }
        timeline.ending(span);
        await drawn.fault.end(victims);
        timeline.ended(span);
        // From here on: who was reached while it lasted may have lost touch again.
        fleet.agents.reconnect();
        const wait = { patienceMs: PATIENCE_MS, signal, onProgress: () => undefined };
        const progress = (): number => fleet.agents.reconnected;
        await until({ ...wait, what: `agents back after: ${drawn.fault.name}`, goal: agents, progress });
        timeline.recovered(span);
        await history.checkReports(store);
        for (const one of fleet.coordinators) await labels.check(one.admin, one.name, signal);
        const { acknowledged, lost } = history.figures;
        const found = history.anomalies();
        onProgress(
          `${timeline.lineOf(span)}; ${acknowledged} reports, ${timeline.writes} writes acknowledged, ${lost} lost`,
        );
        for (const anomaly of found) onProgress(`ANOMALY: ${anomaly}`);
      }
    };
    await Promise.race([work(), failed, fleet.agents.failure()]);
    loading.abort();
    for (const problem of await rollout.check()) history.fail(`rollout: ${problem}`);
    onProgress(`the rollout is ${rollout.phase}, with ${rollout.history.pushes} pushes`);
    const last: LoadNotes = { ...notes, signal };
    await settle(fleet, last, options);
    const finalReads = { ...last, name: "last", store, seed: 0, onStored };
    await readRegisters(finalReads);
    await history.checkReports(store);
    await history.checkPushed((identity, version) => admin.getConfig({ identity, version }, { signal }));
    for (const one of fleet.coordinators) await labels.check(one.admin, one.name, signal);
    let events = 0;
    for (const { name, admin: asked } of fleet.coordinators) {
      for await (const { findings, entries } of asked.verifyEvents({}, { signal })) {
        events = entries;
        for (const { kind, sequence, message } of findings) {
          history.fail(`${name}: event ${sequence} is ${kind}: ${message}`);
        }
      }
    }
    watching.abort();
    await Promise.all(running);
    return {
      ...{ seed, agents, seconds: (systemClock.monotonicMs() - beganMs) / SECOND_MS },
      ...{ ...history.figures, faults: timeline.faults, calls: history.calls, writes: timeline.writes },
      ...{ retired: labels.retired, events, unknown, anomalies: history.anomalies() },
      rollout: { phase: rollout.phase, pushes: rollout.history.pushes },
      pushes: timeline.pushLatencies((device, version) => fleet.agents.appliedAtMs(device, version)),
    };
  } finally {
    loading.abort();
    watching.abort();
    for (const end of ends.reverse()) await end();
  }
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
