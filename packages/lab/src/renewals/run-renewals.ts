import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FleetLink } from "@mpo/agent";
import { MpoError, quantile, SECOND_MS } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { readJoinString, readLocalJoin } from "@mpo/identity";
import { linkSignals, systemClock } from "@mpo/io";
import { createLogger, retry } from "@mpo/runtime";
import { BenchCoordinator } from "../bench/fleet/bench-coordinator.ts";
import { deviceName, FLEET_MODEL, FLEET_TENANT } from "../bench/fleet/fleet-messages.ts";
import { type SimulatedAgent, simulatedAgent } from "../bench/fleet/simulated-agent.ts";
import { adminOf, LOCAL_JOIN_FILE } from "../fleet-access.ts";

export interface RenewalOptions {
  readonly maxMs: number;
  readonly certificateValidMs: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What a run found. */
export interface RenewalReport {
  readonly seconds: number;
  /** Of each device. */
  readonly renewals: readonly number[];
  /** Calls that agents made over the wire, other than to enrol. */
  readonly calls: number;
  /** Of these, or of the operator's, those that failed: what, and how often. */
  readonly failed: Readonly<Record<string, number>>;
  readonly pushes: number;
  /** Pushes that no device ran by within the time that a heartbeat would have taken, and more. */
  readonly missed: number;
  readonly pushP99Ms: number;
  readonly pushMostMs: number;
}

const AGENTS = 3;
const PUSH_EVERY_MS = 1_000;
const MISSED_MS = 10_000;
const LOOK_MS = 5;
const TELL_MS = 60_000;
const P99 = 0.99;

/**
 * Runs a real coordinator with its nats-server, and agents on the real wire, with certificates that end so soon that
 * renewals never stop; all the while documents are pushed. No call may fail because of a renewal, and no push get lost.
 */
export async function runRenewals(options: RenewalOptions): Promise<RenewalReport> {
  const { maxMs, certificateValidMs, onProgress, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), "mpo-renewals-"));
  using ends = linkSignals(signal);
  const plan = { folder, callsPerSecond: 1_000, insecure: false, certificateValidMs, heartbeatSeconds: 1 };
  await using coordinator = await BenchCoordinator.create(plan);
  const { grpc } = await coordinator.start(signal);
  const local = await readLocalJoin(join(folder, LOCAL_JOIN_FILE), { signal });
  const { caDigest, secret } = readJoinString(local.joinString);
  const how = { coordinators: [grpc], authority: { caDigest }, token: secret };
  const joining = { how, folder: join(folder, "devices") };
  const admin = adminOf([grpc], () => local);
  const failed: Record<string, number> = {};
  const count = (what: string, thrown: unknown): void => {
    if (ends.signal.aborted) return;
    const { code, message } = MpoError.from(thrown);
    const key = `${what}: ${code}: ${message}`;
    failed[key] = (failed[key] ?? 0) + 1;
    onProgress(`${new Date().toISOString()} failed: ${key}`);
  };
  let calls = 0;
  const counting = (link: FleetLink): FleetLink => {
    const counted = Object.entries(link).map(([name, call]) => [
      name,
      async (...args: Parameters<typeof call>) => {
        calls += 1;
        return await (call as (...given: unknown[]) => Promise<unknown>)(...args).catch((thrown: unknown) => {
          count(name, thrown);
          throw thrown;
        });
      },
    ]);
    return Object.fromEntries(counted) as FleetLink;
  };
  const applied = new Map<string, number>();
  const random = createRandom(1);
  const agents: SimulatedAgent[] = [];
  const runs: Promise<void>[] = [];
  const latencies: number[] = [];
  let missed = 0;
  try {
    for (let device = 0; device < AGENTS; device++) {
      const agent = await simulatedAgent({
        ...{ device, coordinators: [grpc], joining, watchLink: counting, clock: systemClock, signal: ends.signal },
        random: () => random.uniform(),
        logger: createLogger({ level: "warn" }),
        mayReport: () => Promise.resolve(),
        onAcknowledged: () => undefined,
        onAnswered: () => undefined,
        onApplied: (version) => applied.set(`${device} ${version}`, systemClock.now()),
      });
      agents.push(agent);
      runs.push(agent.run(ends.signal));
    }
    const push = async (device: number): Promise<void> => {
      const identity = { tenant: FLEET_TENANT, device: deviceName(device) };
      const { document } = await admin.pushConfig({ identity, model: FLEET_MODEL, reason: "soak" }, { signal });
      const key = `${device} ${document.version.version}`;
      while (applied.get(key) === undefined && systemClock.now() - document.issuedAtMs < MISSED_MS) {
        await systemClock.sleep(LOOK_MS, { signal });
      }
      const atMs = applied.get(key);
      if (atMs === undefined) missed += 1;
      else latencies.push(Math.max(0, atMs - document.issuedAtMs));
    };
    // A push needs a profile.
    const schedule = new Array<number>(300).fill(200);
    for (let device = 0; device < AGENTS; device++) await retry(() => push(device), { schedule, signal });
    const beganMs = systemClock.monotonicMs();
    let toldMs = beganMs;
    for (let index = 0; systemClock.monotonicMs() - beganMs < maxMs; index++) {
      await Promise.race([
        push(index % AGENTS).catch((thrown: unknown) => count("push", thrown)),
        coordinator.failure(),
        ...runs.map((run) => run.then(() => Promise.reject(new MpoError("internal", "an agent has ended")))),
      ]);
      await systemClock.sleep(PUSH_EVERY_MS, { signal });
      if (systemClock.monotonicMs() - toldMs < TELL_MS) continue;
      toldMs = systemClock.monotonicMs();
      onProgress(`${latencies.length} pushes, ${missed} missed; renewals ${renewalsOf(agents).join(", ")}`);
    }
    return {
      seconds: (systemClock.monotonicMs() - beganMs) / SECOND_MS,
      renewals: renewalsOf(agents),
      ...{ calls, failed, missed, pushes: latencies.length + missed },
      pushP99Ms: quantile(latencies, P99),
      pushMostMs: Math.max(...latencies),
    };
  } finally {
    ends.abort();
    await Promise.allSettled(runs);
    for (const agent of agents) agent.close();
    admin.close();
    await coordinator[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function renewalsOf(agents: readonly SimulatedAgent[]): readonly number[] {
  return agents.map(({ member }) => member?.renewals ?? 0);
}
