import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import { test } from "node:test";
import { PROFILE_VERSION, type Profile, SIGNATURE_LENGTH } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import type { PartRequest } from "@mpo/protocol";
import { ALIVE, connectFleet, HEARTBEAT, IDENTITY, startFleet, startTcp } from "../test-support/grpc-room.ts";
import type { Ends } from "../testing/nats-room.ts";
import { CallPace } from "./call-pace.ts";

/** A profile of some bytes on the wire, of which `varied` cannot be compressed. */
function profileOf(times: number, varied: boolean): Profile {
  const samples = Array.from({ length: times }, (_, index) => (varied ? 1 + Math.random() : 1 + (index % 4)));
  return {
    version: PROFILE_VERSION,
    model: {
      ...{ name: "cam", graphDigest: "ab".repeat(32) },
      ...{ unitCount: 3, parameterCount: 1, hasBatchStatistics: false },
    },
    device: { id: IDENTITY.device, class: "test" },
    software: { engine: "0.1.0", library: "2.15.1" },
    method: { loss: "tent", optimizer: "adam" },
    memoryFacts: { slotsPerParameter: 2, lossWorkBytesPerSample: 40 },
    effectiveBatch: 16,
    idleBytes: 1,
    unitTimes: samples.map((ms) => ({ unit: 0, microBatch: 1, forwardMs: [ms], backwardMs: [ms] })),
    ...{ steps: [], updates: [], accuracy: [] },
    spent: { ms: 1, peakBytes: 1, configs: 0 },
    measuredAtMs: 1,
  };
}

const TICK_MS = 20;

interface Lane {
  readonly from: Socket;
  readonly to: Socket;
  waiting: Buffer;
}

/** A link that carries a number of bytes per second towards a port, shared evenly by its connections. */
async function slowLink(
  t: Ends,
  port: number,
  bytesPerSecond: number,
): Promise<{ readonly port: number; readonly carried: () => number; readonly connections: () => number }> {
  const lanes = new Set<Lane>();
  let carried = 0;
  let connections = 0;
  const timer = setInterval(() => {
    const busy = [...lanes].filter(({ waiting }) => waiting.length > 0);
    for (const lane of busy) {
      const part = lane.waiting.subarray(0, Math.ceil((bytesPerSecond * TICK_MS) / 1000 / busy.length));
      lane.waiting = lane.waiting.subarray(part.length);
      carried += part.length;
      lane.to.write(part);
    }
  }, TICK_MS);
  t.after(() => Promise.resolve(clearInterval(timer)));
  const listening = await startTcp(t, (socket) => {
    connections += 1;
    const to = createConnection(port, "127.0.0.1");
    const lane: Lane = { from: socket, to, waiting: Buffer.alloc(0) };
    lanes.add(lane);
    socket.on("data", (bytes) => {
      lane.waiting = Buffer.concat([lane.waiting, bytes]);
    });
    const end = (): void => {
      lanes.delete(lane);
      socket.destroy();
      to.destroy();
    };
    socket.on("close", end);
    to.on("close", end).on("error", end);
    to.pipe(socket);
  });
  return { port: listening, carried: () => carried, connections: () => connections };
}

const STORED = { isDuplicate: false, revision: 1, needsChain: false };

/** A coordinator that takes parts, and remembers them as long as it wants to. */
function partsOf<Stored = typeof STORED>(
  arrived: { bytes: number; calls: number },
  stored: Stored = STORED as Stored,
): (request: PartRequest) => Promise<{ readonly arrivedBytes: number; readonly answer?: Stored }> {
  return ({ offset, part, totalBytes }) => {
    arrived.calls += 1;
    if (offset === arrived.bytes) arrived.bytes += part?.length ?? 0;
    const answer = arrived.bytes === totalBytes ? { answer: stored } : {};
    return Promise.resolve({ arrivedBytes: arrived.bytes, ...answer });
  };
}

void test("heartbeats do not wait behind a report that takes long", { timeout: 60_000 }, async (t) => {
  const server = await startFleet(t, { reportProfilePart: partsOf({ bytes: 0, calls: 0 }) });
  const link = await slowLink(t, server.port, 10_000);
  const client = connectFleet(t, `127.0.0.1:${link.port}`);
  await client.heartbeat(HEARTBEAT);
  const profile = profileOf(1_200, true);
  let isDone = false;
  const beganMs = performance.now();
  const report = client.reportProfile({ identity: IDENTITY, report: "r-1", profile }).finally(() => {
    isDone = true;
  });
  const waits: number[] = [];
  while (!isDone) {
    const sentMs = performance.now();
    assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
    waits.push(performance.now() - sentMs);
    await new Promise((wake) => setTimeout(wake, 50));
  }
  await report;
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs > 1_000, `the report took ${tookMs} ms: the link is not slow`);
  assert.ok(
    waits.length > 3 && Math.max(...waits) < tookMs / 2,
    `heartbeats waited ${waits.map(Math.round).join()} ms`,
  );
});

void test("reports travel compressed, over a connection that is made for them", async (t) => {
  let got: Profile | undefined;
  const server = await startFleet(t, {
    reportProfile: ({ profile }) => {
      got = profile;
      return Promise.resolve(STORED);
    },
  });
  const link = await slowLink(t, server.port, 1e9);
  const client = connectFleet(t, `127.0.0.1:${link.port}`);
  await client.heartbeat(HEARTBEAT);
  assert.equal(link.connections(), 1, "there is no second connection while nothing is reported");
  const before = link.carried();
  const profile = profileOf(2_000, false);
  await client.reportProfile({ identity: IDENTITY, report: "r-1", profile });
  assert.deepEqual(got, profile);
  assert.equal(link.connections(), 2);
  const sent = link.carried() - before;
  assert.ok(sent < 10_000, `${sent} bytes for 2,000 samples, which are 40 kB as they are`);
});

void test("a report goes on from what has arrived, and a coordinator that forgets is unavailable", async (t) => {
  const arrived = { bytes: 0, calls: 0 };
  const server = await startFleet(t, { reportProfilePart: partsOf(arrived) });
  const client = connectFleet(t, server.target);
  const report = { identity: IDENTITY, report: "r-1", profile: profileOf(2_000, true) };
  assert.deepEqual(await client.reportProfile(report), STORED);
  const { bytes, calls } = arrived;
  assert.ok(calls > 5, `${calls} calls`);
  Object.assign(arrived, { bytes: bytes - 5_000, calls: 0 });
  assert.deepEqual(await client.reportProfile(report), STORED);
  assert.deepEqual(arrived, { bytes, calls: 3 });
  const forgetful = await startFleet(t, { reportProfilePart: () => Promise.resolve({ arrivedBytes: 0 }) });
  await assert.rejects(connectFleet(t, forgetful.target).reportProfile(report), { code: "unavailable" });
});

void test("what a device has learned of a drift goes in parts too", async (t) => {
  const arrived = { bytes: 0, calls: 0 };
  const kept = { isDuplicate: false, isKept: true };
  const server = await startFleet(t, { reportAdaptationPart: partsOf(arrived, kept) });
  const parameters = Uint8Array.from({ length: 20_000 }, () => Math.floor(256 * Math.random()));
  const adaptation = {
    ...{ model: "cam", manifestDigest: "ab".repeat(32), signature: new Array<number>(SIGNATURE_LENGTH).fill(0) },
    ...{ parameters, judgement: "labels" as const, accuracyBefore: 0.4, accuracyAfter: 0.6, samples: 10 },
  };
  const report = { identity: IDENTITY, report: "r-1", adaptation };
  assert.deepEqual(await connectFleet(t, server.target).reportAdaptation(report), kept);
  assert.ok(arrived.calls === 6 && arrived.bytes > 20_000, JSON.stringify(arrived));
});

void test("deadlines grow with the message, as the link has shown itself, and after a call that did not make it", async () => {
  const clock = new VirtualClock();
  const pace = new CallPace(clock);
  assert.equal(pace.begin(0).deadlineMs, 10_000);
  const unknown = pace.begin(22_000);
  assert.equal(unknown.deadlineMs, 76_000, "a link of which nothing is known may be slow");
  unknown.givenUp();
  const second = pace.begin(22_000);
  assert.equal(second.deadlineMs, 20_000 + 132_000);
  await clock.advance(44_000);
  second.answered();
  const { deadlineMs } = pace.begin(22_000);
  assert.ok(deadlineMs > 2 * 44_000 && deadlineMs < 160_000, String(deadlineMs));
  const fast = new CallPace(clock);
  for (let call = 0; call < 3; call++) {
    const quick = fast.begin(22_000);
    await clock.advance(10);
    quick.answered();
  }
  assert.ok(fast.begin(22_000).deadlineMs < 10_100);
  for (let call = 0; call < 20; call++) fast.begin(100).givenUp();
  assert.ok(fast.begin(100).deadlineMs <= 81_000, "patience has an end");
});
