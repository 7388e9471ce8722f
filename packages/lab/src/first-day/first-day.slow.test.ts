import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { it } from "node:test";
import { type AgentEngine, createAgent, type FleetLink } from "@mpo/agent";
import { MemoryDisk } from "@mpo/agent/testing";
import { type Coordinator, createCoordinator, resolveSettings } from "@mpo/coordinator";
import { tinyChain } from "@mpo/coordinator/testing";
import { median, type Prediction, type Profile, plannerOf } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import type { Clock } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryNotifyHub, MemoryStateServer } from "@mpo/transport/testing";
import { pretendProfiles } from "../bench/simulated-profile.ts";
import { PRETEND_GRAPH, pretendMonitor, pretendServing, pretendSettings } from "../pretend-device.ts";

const DEVICES = 100;
const CLASSES = ["board-1g", "board-2g", "board-4g", "board-8g"] as const;
const HOUR_MS = 3_600_000;
/** What they took of a ResNet-20 on two shared x86_64 cores, milliseconds. */
const PROBE_MS = 64_700;
const CHECK_MS = 3_400;
/** Devices of one class are so much apart in speed. */
const SPREAD = 0.03;

const CHAIN = tinyChain();
const profileOf = pretendProfiles(CHAIN);

interface Day {
  /** Of all devices together. */
  readonly probingMs: number;
  readonly probes: number;
  readonly checks: number;
  /** By how much the predicted time of the best rung's step was wrong, as a share of it, for each device. */
  readonly errors: readonly number[];
  /** Devices whose step takes longer than its bound. */
  readonly over: number;
}

/** A device's own measurements at one moment: two of them differ by what repeats differ by. */
function measuredBy(device: number, moment: number, unlike: number): Profile {
  const own = createRandom(device + 1).uniform();
  const isUnlike = device < unlike * CLASSES.length && device >= CLASSES.length;
  const speed = (0.5 + (device % CLASSES.length)) * (1 + SPREAD * (2 * own - 1)) * (isUnlike ? 0.5 : 1);
  const of = { id: `sim-${device}`, class: CLASSES[device % CLASSES.length] as string };
  return profileOf({ device: of, speed, seed: 1_000 * moment + device });
}

/** The first day of a fleet that is switched on within an hour, in virtual time: the product's coordinator and agents. */
async function firstDay(isShared: boolean, unlike: number): Promise<Day> {
  const virtual = new VirtualClock(1_800_000_000_000);
  // As the system's: whole milliseconds on the wall.
  const clock: Clock = {
    now: () => Math.floor(virtual.now()),
    monotonicMs: () => virtual.monotonicMs(),
    sleep: (ms, options) => virtual.sleep(ms, options),
  };
  const hub = new MemoryNotifyHub({ clock });
  const server = new MemoryStateServer({ layout: FLEET_LAYOUT, clock, hub });
  let ids = 0;
  const newId = (): string => `id${++ids}`;
  const settings = resolveSettings({ name: "c", probes: { isShared }, natsServers: ["nats://sim"] }, newId);
  const coordinator = createCoordinator(settings, { store: server.connect(), clock, logger: silentLogger, newId });
  const ends = new AbortController();
  setMaxListeners(0, ends.signal);
  const { signal } = ends;
  const started = coordinator.start({ signal });
  await virtual.advance(1_000);
  await started;
  let [probingMs, probes, checks] = [0, 0, 0];
  const running: Promise<void>[] = [];
  const start = async (device: number): Promise<void> => {
    const source = createRandom(device + 7);
    const deviceClass = CLASSES[device % CLASSES.length] as string;
    const truth = plannerOf(measuredBy(device, 3, unlike), CHAIN);
    const engine: AgentEngine = {
      probe: async () => {
        [probes, probingMs] = [probes + 1, probingMs + PROBE_MS];
        await clock.sleep(PROBE_MS, { signal });
        const profile = { ...measuredBy(device, 1, unlike), accuracy: [] };
        return { profile: { ...profile, measuredAtMs: clock.now() }, chain: CHAIN };
      },
      check: async ({ config }) => {
        [checks, probingMs] = [checks + 1, probingMs + CHECK_MS];
        await clock.sleep(CHECK_MS, { signal });
        const { stepMs, memoryBytes } = truth.predict(config, HOUR_MS);
        const bytes = memoryBytes.expected;
        const measured = { config, plannedBytes: Math.round(bytes), peakBytes: bytes, stepMs: [stepMs.expected] };
        return { measured, idleBytes: 3e8, graphDigest: PRETEND_GRAPH, chain: CHAIN };
      },
      retrain: () => Promise.reject(new Error("nothing drifts on the first day")),
    };
    const bus = hub.connect();
    const agent = await createAgent(
      pretendSettings(
        { tenant: "acme", device: `sim-${device}` },
        { engineVersion: "simulated", methods: ["crossEntropy"], effectiveBatch: 32, tickMs: 20_000, watchMs: HOUR_MS },
      ),
      {
        ...{ clock, engine, random: () => source.uniform(), logger: silentLogger, disk: new MemoryDisk() },
        link: linkTo(coordinator, signal),
        monitor: pretendMonitor({ deviceClass }, () => ({
          ...{ measuredAtMs: clock.now(), memoryAvailableBytes: 8e8 },
        })),
        serving: pretendServing(CHAIN.model),
        connectFeed: async () => ({ bus, read: async () => undefined, close: () => bus.close() }),
      },
    );
    running.push(agent.run({ signal }));
  };
  for (let device = 0; device < DEVICES; device++) {
    // Switched on one by one, the first of each class close together.
    await start(device);
    await virtual.advance(device < 10 ? 1_000 : HOUR_MS / DEVICES);
  }
  await virtual.advance(HOUR_MS / 6);
  const errors: number[] = [];
  let over = 0;
  for (let device = 0; device < DEVICES; device++) {
    const identity = { tenant: "acme", device: `sim-${device}` };
    const { document } = await coordinator.admin.getConfig({ identity }, { signal });
    const { config, stepMs } = document.rungs.at(-1) as Prediction;
    const trueMs = plannerOf(measuredBy(device, 2, unlike), CHAIN).predict(config, HOUR_MS).stepMs.expected;
    errors.push(Math.abs(stepMs.expected / trueMs - 1));
    if (trueMs > stepMs.upper) over += 1;
  }
  ends.abort();
  await virtual.advance(1_000);
  await Promise.allSettled([...running, coordinator.stop()]);
  hub.close();
  return { probingMs, probes, checks, errors, over };
}

function linkTo({ fleet }: Coordinator, signal: AbortSignal): FleetLink {
  const call = { signal };
  return {
    enroll: (request) => fleet.enroll(request, call),
    hello: (request) => fleet.hello(request, call),
    heartbeat: (request) => fleet.heartbeat(request, call),
    fetchProfile: (request) => fleet.fetchProfile(request, call),
    reportProfile: (request) => fleet.reportProfile(request, call),
    reportStatus: (request) => fleet.reportStatus(request, call),
  };
}

it("probes less than a tenth of the time on a fleet's first day, and predicts as well", {
  timeout: 300_000,
}, async (t) => {
  const [alone, shared] = [await firstDay(false, 0), await firstDay(true, 0)];
  const line = ({ probes, checks, probingMs, errors, over }: Day): string =>
    `${probes} probes, ${checks} checks, ${(probingMs / 60_000).toFixed(0)} min; step times wrong by ` +
    `${(100 * median(errors)).toFixed(1)} % (at most ${(100 * Math.max(...errors)).toFixed(1)} %), ${over} over their bound`;
  t.diagnostic(`each for itself: ${line(alone)}`);
  t.diagnostic(`shared: ${line(shared)}`);
  assert.deepEqual([alone.probes, alone.checks], [DEVICES, 0]);
  assert.deepEqual([shared.probes, shared.checks], [CLASSES.length, DEVICES - CLASSES.length]);
  assert.ok(shared.probingMs < alone.probingMs / 10);
  assert.ok(shared.over <= alone.over);
  assert.ok(median(shared.errors) <= median(alone.errors) + SPREAD);
});

it("lets devices that are unlike their class measure by themselves", { timeout: 300_000 }, async (t) => {
  const day = await firstDay(true, 3);
  t.diagnostic(`${day.probes} probes, ${day.checks} checks`);
  assert.deepEqual([day.probes, day.checks], [CLASSES.length + 8, DEVICES - CLASSES.length]);
  assert.equal(day.over, 0);
});
