import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { given, MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { compareVersions } from "@mpo/protocol";
import { retry } from "@mpo/runtime";
import { type AdminClient, BUCKETS, FLEET_LAYOUT, openExistingStore } from "@mpo/transport";
import { openStoreLink } from "../fleet-access.ts";
import { type FindDocument, FleetPromises, type PromiseFigures } from "../promises/fleet-promises.ts";
import { type FaultDraw, faultSchedule, type Scene } from "./fault-draws.ts";
import { type FaultFigures, runFault, STUCK_MS, untilOver } from "./fault-run.ts";
import { FleetOperator } from "./fleet-operator.ts";
import { type KilledAgent, KillFleet, kill, MODELS } from "./kill-fleet.ts";
import { type Kill, killSchedule, VICTIMS, type Victim } from "./kill-schedule.ts";

export interface KillRunOptions {
  readonly seed: number;
  readonly cycles: number;
  /** No kill after this; the end is still looked at. */
  readonly maxMs: number;
  readonly onProgress?: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What a run found. */
export interface KillReport extends PromiseFigures {
  readonly seed: number;
  readonly kills: Readonly<Record<Victim, number>>;
  /** What else went wrong, by kind. */
  readonly faults: readonly FaultFigures[];
  /** Times that a device was let in by hand: a lost store knows none, nor the tokens with which they came. */
  readonly accepted: number;
  /** Processes that ended without being killed, and were started again (a coordinator without a nats-server). */
  readonly ownEnds: number;
  readonly seconds: number;
  /** After the last kill, until everybody had the newest document and no report waited. */
  readonly settledMs: number;
  /** Empty: everything held. */
  readonly problems: readonly string[];
}

/**
 * It is looked at in between, so that no more is forgotten than the archive of documents holds; and something else than
 * a kill goes wrong in each part.
 */
const KILLS_A_PART = 10;
/** The kill of a part at which it does. */
const FAULT_AT = 2;
const PATIENCE_MS = 90_000;
const LOOK_MS = 50;
const WORKER_PATIENCE_MS = 5_000;

/**
 * Kills processes of a fleet as the seed says, and holds what was seen from outside against what is stored in the end.
 * The folder with logs stays when something did not hold.
 */
export async function runKills(options: KillRunOptions): Promise<KillReport> {
  const { seed, cycles, maxMs, signal, onProgress = () => undefined } = options;
  const beganMs = systemClock.monotonicMs();
  const folder = await mkdtemp(join(tmpdir(), "mpo-kills-"));
  const history = new FleetPromises();
  const fleet = await KillFleet.start(folder, seed, history);
  const kills: Record<Victim, number> = { coordinator: 0, "nats-server": 0, agent: 0, worker: 0 };
  const watching = new AbortController();
  const operator = await FleetOperator.start(fleet, signal);
  const { admin } = operator;
  const patience = { waitsForServer: true, reconnectBaseMs: 50, reconnectCapMs: 500 };
  const link = await openStoreLink(fleet.natsUrl, fleet.keysFolder, { signal, ...patience });
  const problems: string[] = [];
  let settledMs = 0;
  const draws = faultSchedule(seed, Math.floor(cycles / KILLS_A_PART)).filter(
    ({ fault }) => fault.isOnSmallDisk !== true || fleet.noSmallDisk === undefined,
  );
  const faults = new Map<string, FaultFigures>();
  try {
    // There once the first coordinator has made its buckets.
    const store = await patiently(
      () => openExistingStore(link, FLEET_LAYOUT),
      () => true,
      signal,
    );
    await patiently(
      () => store.get(BUCKETS.desired, "nobody"),
      () => true,
      signal,
    );
    const watch = history.watch(store, watching.signal);
    const find: FindDocument = (identity, version) => admin.getConfig({ identity, version });
    const looking = Promise.all([lookUp(history, find, watching.signal), operator.run(watching.signal)]);
    const settle = async (): Promise<void> => {
      settledMs = await settled(fleet, history, admin, signal);
      await history.checkReports(store);
      await history.checkPushed((identity, version) => patiently(() => find(identity, version), isNoAnswer));
    };
    await settle();
    if (draws.length > 0) {
      await fleet.backUp();
      if (fleet.noSmallDisk !== undefined) onProgress(`not possible here: disk full (${fleet.noSmallDisk})`);
    }
    let isOver: Promise<boolean> | undefined;
    for (const [index, one] of killSchedule(seed, cycles).entries()) {
      if (systemClock.monotonicMs() - beganMs > maxMs || history.problems.length > 0) break;
      await systemClock.sleep(one.waitMs, { signal });
      const draw = draws[Math.floor(index / KILLS_A_PART)];
      if (draw !== undefined && index % KILLS_A_PART === FAULT_AT) {
        isOver = runFault(draw, sceneOf(fleet, history, draw), admin, signal);
        isOver.catch(() => undefined);
      }
      for (const { process } of fleet.agents) {
        process.send({ kind: "window", model: MODELS[index % MODELS.length] as string });
      }
      if (await killOne(fleet, one)) kills[one.victim]++;
      if ((index + 1) % KILLS_A_PART === 0) {
        const isSeen = (await isOver) ?? false;
        await settle();
        if (draw !== undefined) {
          await untilOver(draw, sceneOf(fleet, history, draw), admin, signal);
          note(faults, draw, settledMs, isSeen);
          if (!isSeen) history.fail(`${draw.fault.name} was not in the list of devices`);
          onProgress(`${draw.fault.name}: well again in ${(settledMs / 1000).toFixed(1)} s`);
        }
        onProgress(`${index + 1} kills, ${history.figures.acknowledged} profiles acknowledged`);
      }
    }
    await settle();
    watching.abort();
    await Promise.all([watch, looking]);
  } catch (thrown) {
    signal.throwIfAborted();
    problems.push(MpoError.from(thrown).message);
  } finally {
    watching.abort();
    admin.close();
    await link.close();
    await fleet.stop();
  }
  const found = [...history.problems, ...problems];
  if (found.length === 0) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  else onProgress(`the logs are in ${folder}`);
  const all = [...fleet.coordinators, ...fleet.agents.map(({ process }) => process)];
  return {
    seed,
    kills,
    faults: [...faults.values()],
    ...history.figures,
    accepted: operator.accepted,
    ownEnds: all.reduce((sum, { ownEnds }) => sum + ownEnds, 0),
    seconds: (systemClock.monotonicMs() - beganMs) / 1000,
    settledMs,
    problems: found,
  };
}

/** Where a fault happens: the small disk is that of one agent, and it cannot be locked. */
function sceneOf(fleet: KillFleet, history: FleetPromises, { fault, pick }: FaultDraw): Scene {
  const [small, ...others] = fleet.agents;
  const other = others[Math.floor(pick * others.length)];
  return { fleet, history, pick, agent: (fault.isOnSmallDisk === true ? small : other) as KilledAgent };
}

function note(faults: Map<string, FaultFigures>, { fault }: FaultDraw, recoveredMs: number, isSeen: boolean): void {
  const { name } = fault;
  const figures = faults.get(name) ?? { name, recoveredMs: [], seen: 0 };
  figures.recoveredMs.push(recoveredMs);
  if (isSeen) figures.seen += 1;
  faults.set(name, figures);
}

/** Total of all kinds. */
export function killCount({ kills }: Pick<KillReport, "kills">): number {
  return VICTIMS.reduce((sum, victim) => sum + kills[victim], 0);
}

async function killOne(fleet: KillFleet, { victim, pick, downMs }: Kill): Promise<boolean> {
  const chosen = <T>(all: readonly T[]): T => all[Math.floor(pick * all.length)] as T;
  switch (victim) {
    case "coordinator":
      return await soon(() => chosen(fleet.coordinators).kill(downMs), PATIENCE_MS);
    case "agent":
      return await soon(() => chosen(fleet.agents).process.kill(downMs), PATIENCE_MS);
    case "nats-server":
      return await soon(async () => {
        const pid = await fleet.natsPid();
        return pid !== undefined && kill(pid);
      }, PATIENCE_MS);
    case "worker":
      return await soon(() => killWorker(fleet.agents), WORKER_PATIENCE_MS);
  }
}

/** The newest worker of an agent that has one. */
function killWorker(agents: readonly KilledAgent[]): boolean {
  return agents.some(({ workerPids }) => {
    const pids = [...workerPids];
    workerPids.clear();
    return pids.reverse().some(kill);
  });
}

/** Tries until it is done; false: it was not, for a long time. */
async function soon(attempt: () => boolean | Promise<boolean>, patienceMs: number): Promise<boolean> {
  const endMs = systemClock.monotonicMs() + patienceMs;
  while (systemClock.monotonicMs() < endMs) {
    if (await attempt()) return true;
    await systemClock.sleep(20);
  }
  return false;
}

/** Waits until every agent has been online, with nothing to report and its newest document; returns how long. */
async function settled(
  fleet: KillFleet,
  history: FleetPromises,
  admin: AdminClient,
  signal: AbortSignal,
): Promise<number> {
  const beganMs = systemClock.monotonicMs();
  const left = new Set(fleet.agents);
  let waiting = "";
  while (systemClock.monotonicMs() - beganMs < STUCK_MS) {
    const dead = fleet.coordinators.find(({ isRunning }) => !isRunning);
    if (dead !== undefined) waiting = `${dead.name} does not run`;
    for (const agent of left) {
      const found = await unsettled(agent, history, admin);
      if (found === undefined) left.delete(agent);
      else waiting = found;
    }
    if (left.size === 0 && dead === undefined) return systemClock.monotonicMs() - beganMs;
    await systemClock.sleep(LOOK_MS, { signal });
  }
  throw new MpoError("timed-out", `not settled in ${STUCK_MS / 60_000} min: ${waiting}`);
}

/** What is not settled yet, in words. */
async function unsettled(
  { identity, reports }: KilledAgent,
  history: FleetPromises,
  admin: AdminClient,
): Promise<string | undefined> {
  const { device } = identity;
  if (reports === undefined || !reports.isOnline) return `${device} is not online`;
  if (reports.dropped > 0) throw new MpoError("internal", `${device} dropped ${reports.dropped} reports`);
  if (reports.waiting > 0) return `${device} has ${reports.waiting} reports that wait`;
  try {
    for (const model of MODELS) await admin.getProfile({ identity, model });
    const { document, status } = await admin.getConfig({ identity });
    const applied = history.newestApplied(device);
    const isNewest = applied !== undefined && compareVersions(applied, document.version) === 0;
    return isNewest || status?.state === "failed" ? undefined : `${device} does not run by the newest document`;
  } catch (thrown) {
    return MpoError.from(thrown).message;
  }
}

async function lookUp(history: FleetPromises, find: FindDocument, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await history.lookUp(find);
    await systemClock.sleep(300, { signal }).catch(() => undefined);
  }
}

/** Over the outages that this test makes. */
async function patiently<T>(
  work: () => Promise<T>,
  isRetryable: (thrown: unknown) => boolean,
  signal?: AbortSignal,
): Promise<T> {
  const schedule = Array.from({ length: 200 }, () => 200);
  return await retry(work, { schedule, isRetryable, ...given({ signal }) });
}

/** Whether it is not known yet. */
function isNoAnswer(thrown: unknown): boolean {
  return MpoError.from(thrown).code !== "not-found";
}
