import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { systemClock } from "@mpo/io";
import { retry } from "@mpo/runtime";
import { type AdminClient, FLEET_LAYOUT, openExistingStore } from "@mpo/transport";
import { SimulatedFleet, until } from "../bench/fleet/simulated-fleet.ts";
import { openStoreLink } from "../fleet-access.ts";
import { followRollouts } from "../promises/follow-rollouts.ts";
import { RolloutHistory } from "../promises/rollout-history.ts";
import { CoordinatorPair } from "./coordinator-pair.ts";

export interface RolloutKillOptions {
  readonly seed: number;
  readonly kills: number;
  readonly agents: number;
  /** No kill after this; the end is still looked at. */
  readonly maxMs: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What a run found. */
export interface RolloutKillReport {
  readonly kills: number;
  /** From a kill of the one that led until a rollout went on, milliseconds; one each time. */
  readonly leaderMs: readonly number[];
  /** The same of the other one. */
  readonly otherMs: readonly number[];
  /** How rollouts ended. */
  readonly ends: Readonly<Record<string, number>>;
  readonly pushed: number;
  readonly seconds: number;
  /** Empty: everything held. */
  readonly problems: readonly string[];
}

const TENANT = "default";
const MODEL = "camera";
const PATIENCE_MS = 120_000;
const LOOK_MS = 20;
/** What is promised. */
const GOES_ON_MS = 10_000;
/** Writes of who was killed are seen no later than this. */
const LATE_MS = 150;
const LONGEST_WAIT_MS = 4_000;
const LONGEST_DOWN_MS = 1_000;
const STARTS_PER_SECOND = 40;
/** Every tenth cannot run what rollouts bring. */
const BROKEN_EVERY = 10;
const AT_REST = ["completed", "stopped", "rolled-back"];

/**
 * Runs rollouts over simulated agents on the real wire, one after the other, while one of two coordinators is killed with
 * kill -9 again and again: each goes on within seconds, no wave and no device twice, and nobody is forgotten.
 */
export async function runRolloutKills(options: RolloutKillOptions): Promise<RolloutKillReport> {
  const { seed, kills, agents, maxMs, onProgress, signal } = options;
  const beganMs = systemClock.monotonicMs();
  const folder = await mkdtemp(join(tmpdir(), "mpo-rollout-kills-"));
  const history = new RolloutHistory({
    ...{ nowMs: () => systemClock.monotonicMs() - beganMs, siteOf: () => "", isAway: () => false, isInOrder: false },
  });
  const ends = new AbortController();
  const source = createRandom(seed);
  const random = (): number => source.uniform();
  const found = { leaderMs: [] as number[], otherMs: [] as number[], ends: {} as Record<string, number>, pushed: 0 };
  const problems: string[] = [];
  const pair = await CoordinatorPair.start(folder, signal);
  try {
    await using fleet = new SimulatedFleet({
      ...{ coordinators: pair.targets, agents, seed, startsPerSecond: STARTS_PER_SECOND, brokenEvery: BROKEN_EVERY },
      identities: { localJoinFile: pair.localJoinFile, folder: join(folder, "devices") },
    });
    const wait = async (what: string, progress: () => number): Promise<void> => {
      await until({ what, goal: agents, patienceMs: PATIENCE_MS, signal, progress, onProgress: () => undefined });
      onProgress(`${agents} ${what}`);
    };
    await wait("agents joined", () => fleet.joined);
    fleet.report();
    await wait("agents configured", () => fleet.configured);
    const patience = { waitsForServer: true, reconnectBaseMs: 50, reconnectCapMs: 500 };
    const link = await openStoreLink(pair.natsUrl, pair.keysFolder, { signal, ...patience });
    const seen = { atMs: 0, leader: "", name: "", phase: "" };
    const store = await openExistingStore(link, FLEET_LAYOUT);
    const watching = followRollouts(store, history, ends.signal, (name) => {
      const { record } = history.rollout(name) ?? {};
      if (record === undefined) return;
      Object.assign(seen, { atMs: systemClock.monotonicMs(), name, phase: record.state.phase });
      seen.leader = record.lease?.owner ?? "";
    });
    let isLast = false;
    const rolling = roll(pair.admin, history, {
      ...{ signal, agents, isLast: () => isLast },
      onEnd: (name, phase, ms) => {
        found.ends[phase] = (found.ends[phase] ?? 0) + 1;
        onProgress(`rollout ${name} is ${phase} after ${(ms / 1000).toFixed(0)} s`);
      },
    });
    rolling.catch(() => undefined);
    for (let kill = 1; kill <= kills && systemClock.monotonicMs() - beganMs < maxMs; kill++) {
      await systemClock.sleep(random() * LONGEST_WAIT_MS, { signal });
      const victim = Math.floor(random() * 2);
      await Promise.race([rolling, soon(() => seen.phase !== "planned" && !AT_REST.includes(seen.phase), signal)]);
      const isLeader = seen.leader === pair.name(victim);
      const killedMs = systemClock.monotonicMs();
      pair.kill(victim, random() * LONGEST_DOWN_MS);
      await Promise.race([rolling, soon(() => seen.atMs > killedMs + LATE_MS, signal)]);
      const wentOnMs = seen.atMs - killedMs;
      (isLeader ? found.leaderMs : found.otherMs).push(wentOnMs);
      onProgress(
        `kill ${kill} (${isLeader ? "who led" : "the other"}): went on after ${(wentOnMs / 1000).toFixed(1)} s`,
      );
      if (wentOnMs > GOES_ON_MS) history.fail(`it went on only ${wentOnMs.toFixed(0)} ms after kill ${kill}`);
      await pair.answers(victim, signal);
    }
    isLast = true;
    await rolling;
    found.pushed = history.pushes;
    ends.abort();
    await watching;
    await link.close();
  } catch (thrown) {
    signal.throwIfAborted();
    problems.push(MpoError.from(thrown).message);
  } finally {
    ends.abort();
    await pair.stop();
  }
  const all = [...history.problems, ...problems];
  if (all.length === 0) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  else onProgress(`the logs are in ${folder}`);
  const count = found.leaderMs.length + found.otherMs.length;
  return { kills: count, ...found, seconds: (systemClock.monotonicMs() - beganMs) / 1000, problems: all };
}

interface Rolling {
  readonly agents: number;
  readonly signal: AbortSignal;
  readonly isLast: () => boolean;
  readonly onEnd: (name: string, phase: string, ms: number) => void;
}

/** One rollout after the other: every second one bears what breaks, the others are rolled back. */
async function roll(admin: AdminClient, history: RolloutHistory, options: Rolling): Promise<void> {
  const { agents, signal, isLast, onEnd } = options;
  for (let number = 1; !isLast(); number++) {
    const name = `trial-${number}`;
    const isBorne = number % 2 === 1;
    const spec = {
      ...{ name, model: MODEL, change: { rule: { memory: `${100 + number}MiB` } } },
      waves: [
        { count: Math.ceil(agents / 10), dwell: "2s" },
        { percent: "40%", dwell: "2s" },
      ],
      success: isBorne ? "50%" : "98%",
      rate: { perMinute: Math.max(60, 3 * agents) },
      timeouts: { device: "3min", offline: "3min" },
    };
    const beganMs = systemClock.monotonicMs();
    const { devices } = (
      await patiently(() => admin.planRollout({ tenant: TENANT, spec: JSON.stringify(spec), reason: "" }), signal)
    ).rollout;
    const about = { tenant: TENANT, name };
    // Who was asked may have been killed before it could answer.
    const start = async (): Promise<void> => {
      const { phase } = (await admin.getRollout(about)).rollout;
      if (phase === "planned")
        await admin.changeRollout({ ...about, command: "start", expectedPhase: phase, reason: "" });
    };
    await patiently(start, signal);
    const phase = (): string => history.rollout(name)?.record.state.phase ?? "planned";
    await soon(() => AT_REST.includes(phase()), signal);
    const known = history.rollout(name)?.devices.size ?? 0;
    if (known !== devices) history.fail(`${name}: ${known} of ${devices} devices are known`);
    // What was pushed last may still be on its way to here.
    await systemClock.sleep(1_000, { signal });
    history.checkAtRest(name, () => undefined);
    const expected = isBorne ? "completed" : "rolled-back";
    if (phase() !== expected) history.fail(`${name} is ${phase()}, and not ${expected}`);
    onEnd(name, phase(), systemClock.monotonicMs() - beganMs);
  }
}

/** Tries again over the outages that this test makes; a command that was heard already makes no sense any more. */
async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const schedule = Array.from({ length: 200 }, () => 200);
  return await retry(work, {
    schedule,
    signal,
    isRetryable: (thrown) => MpoError.from(thrown).code !== "invalid-argument",
  });
}

async function soon(isSo: () => boolean, signal: AbortSignal): Promise<void> {
  const endMs = systemClock.monotonicMs() + 10 * PATIENCE_MS;
  while (!isSo()) {
    if (systemClock.monotonicMs() > endMs) throw new MpoError("timed-out", "a rollout does not move any more");
    await systemClock.sleep(LOOK_MS, { signal });
  }
}
