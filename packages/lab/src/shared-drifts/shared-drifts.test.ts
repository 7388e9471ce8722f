import assert from "node:assert/strict";
import { it } from "node:test";
import { type AgentEngine, createAgent, type FleetLink, type InputSummary } from "@mpo/agent";
import { MemoryDisk } from "@mpo/agent/testing";
import { createCoordinator, resolveSettings } from "@mpo/coordinator";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { createRandom } from "@mpo/datasets";
import type { Clock } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import type { ReportStatusRequest } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryNotifyHub, MemoryStateServer } from "@mpo/transport/testing";
import { pretendCheck, pretendMonitor, pretendServing, pretendSettings } from "../pretend-device.ts";

const CHAIN = tinyChain();
const LEARNED = Buffer.from("what the first device has learned");

/** Batches of 32 inputs of a brightness. */
function batchesOf(count: number, brightness: number): readonly InputSummary[] {
  const intensities = Array.from({ length: 16 }, (_, bin) => (bin === Math.floor(brightness * 15) ? 100 : 0));
  const [features, texture] = [
    { brightness, contrast: 0.2, detail: 0.1 },
    { coarse: 0.1, column: 0.1, bend: 0.1 },
  ];
  return Array.from({ length: count }, () => ({ count: 32, features, texture, intensities, confidences: [] }));
}

/** A coordinator, and devices that share; their engine learns nothing, and says what it was given. */
async function openFleet() {
  const virtual = new VirtualClock(1_800_000_000_000);
  // As the system's: whole milliseconds on the wall.
  const clock: Clock = {
    now: () => Math.floor(virtual.now()),
    monotonicMs: () => virtual.monotonicMs(),
    sleep: (ms, options) => virtual.sleep(ms, options),
  };
  const pass = (seconds: number): Promise<void> => virtual.advance(1_000 * seconds);
  const hub = new MemoryNotifyHub({ clock });
  const server = new MemoryStateServer({ layout: FLEET_LAYOUT, clock, hub });
  let ids = 0;
  const newId = (): string => `id${++ids}`;
  const settings = resolveSettings({ name: "c", probes: { isShared: false }, natsServers: ["nats://sim"] }, newId);
  const coordinator = createCoordinator(settings, { store: server.connect(), clock, logger: silentLogger, newId });
  const ends = new AbortController();
  const { signal } = ends;
  const started = coordinator.start({ signal });
  await pass(1);
  await started;
  const running: Promise<void>[] = [];
  const start = async (device: string) => {
    const inputs: InputSummary[] = [];
    const starts: (Uint8Array | undefined)[] = [];
    const windows: ReportStatusRequest["status"][] = [];
    const { fleet, adaptations } = coordinator;
    const call = { signal };
    const link: FleetLink = {
      enroll: (request) => fleet.enroll(request, call),
      hello: (request) => fleet.hello(request, call),
      heartbeat: (request) => fleet.heartbeat(request, call),
      fetchProfile: (request) => fleet.fetchProfile(request, call),
      reportProfile: (request) => fleet.reportProfile(request, call),
      reportStatus: async (request) => {
        if (request.status.kind === "window") windows.push(request.status);
        return await fleet.reportStatus(request, call);
      },
      reportAdaptation: (request) => adaptations.reportAdaptation(request, call),
      fetchAdaptation: (request) => adaptations.fetchAdaptation(request, call),
    };
    const engine: AgentEngine = {
      probe: async (job) => ({
        profile: { ...tinyProfile(job.device.id, { chain: CHAIN }), measuredAtMs: clock.now() },
        chain: CHAIN,
      }),
      check: (job) => Promise.resolve(pretendCheck(job, CHAIN)),
      retrain: async (job) => {
        starts.push(job.start);
        return {
          ...{ isAccepted: true, reason: "better", steps: 1, config: job.rung.config, stepMs: [], overheadMs: 1 },
          ...{ judgedSamples: 256, plannedBytes: 1, peakBytes: 1, judgement: "label-free" },
          ...{ accuracyBefore: 0.5, accuracyAfter: 0.6, stagedFolder: "staged", normalisation: LEARNED },
          ...(job.start === undefined ? {} : { isFromStart: true }),
        };
      },
    };
    const [random, bus] = [createRandom(device.length), hub.connect()];
    const identity = { tenant: "acme", device };
    const others = { methods: ["crossEntropy"] as const, effectiveBatch: 32, curvesMs: 0, sharesAdaptations: true };
    const agent = await createAgent(pretendSettings(identity, others), {
      ...{ clock, engine, link, random: () => random.uniform(), logger: silentLogger, disk: new MemoryDisk() },
      monitor: pretendMonitor({}, () => ({ measuredAtMs: clock.now(), memoryAvailableBytes: 9e8 })),
      serving: {
        ...pretendServing(CHAIN.model),
        inputsAfter: async (_, cursor) => {
          const from = Number(cursor);
          const summaries = inputs.slice(from).map((batch, at) => ({ ...batch, before: String(from + at) }));
          return { summaries, cursor: String(inputs.length) };
        },
        trainingFiles: async (_, cursor) => ({ files: ["a.npy"], count: (inputs.length - Number(cursor)) * 32 }),
      },
      // Documents come with hellos.
      connectFeed: async () => ({ bus, read: async () => undefined, close: () => bus.close() }),
    });
    running.push(agent.run({ signal }));
    return { inputs, starts, windows };
  };
  const close = async (): Promise<void> => {
    ends.abort();
    await Promise.all(running);
    await coordinator.stop();
  };
  return { pass, coordinator, start, close };
}

void it("a drift that one device has answered is answered by another from there", async (t) => {
  const { pass, coordinator, start, close } = await openFleet();
  t.after(close);
  const devices = [await start("first"), await start("second")] as const;
  const [first, second] = devices;
  await pass(600);
  for (const { inputs } of devices) inputs.push(...batchesOf(10, 0.5));
  await pass(60);
  first.inputs.push(...batchesOf(10, 0.9));
  await pass(120);
  assert.deepEqual(first.starts, [undefined]);
  const list = () => coordinator.adaptations.listAdaptations({ tenant: "acme", pageSize: 10 }).adaptations;
  assert.deepEqual(
    list().map(({ device, helped }) => [device, helped]),
    [["first", 0]],
  );
  second.inputs.push(...batchesOf(10, 0.91));
  await pass(120);
  assert.deepEqual(
    second.starts.map((bytes) => Buffer.from(bytes ?? [])),
    [LEARNED],
  );
  const [window] = second.windows;
  const from = window?.kind === "window" ? window.window.start : undefined;
  assert.deepEqual([from?.device, from?.isTaken], ["first", true]);
  const found = list().find(({ device }) => device === "first");
  assert.equal(found?.helped, 1);
});
