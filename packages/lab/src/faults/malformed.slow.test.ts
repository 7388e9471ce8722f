import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type Agent, connectFleet, DEFAULT_AGENT_SETTINGS, runAgentDaemon } from "@mpo/agent";
import { createCoordinator, resolveSettings, servicesOf } from "@mpo/coordinator";
import { eventually, freshServer, helloOf, identityOf, reportOf, startCoordinator } from "@mpo/coordinator/testing";
import { systemClock } from "@mpo/io";
import { ADMIN_SERVICE, deviceKey, FLEET_SERVICE, GRPC_STATUS, notifySubject } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import {
  BUCKETS,
  createFleetClient,
  FLEET_LAYOUT,
  NatsNotifyBus,
  openJetstreamStore,
  startGrpcServer,
} from "@mpo/transport";
import { openLink, skip, startServer } from "@mpo/transport/testing";
import fc from "fast-check";
import { rawCall, rawConnection } from "../test-support/raw-call.ts";
import { processEngine } from "./process-engine.ts";

const METHODS = [...Object.values(FLEET_SERVICE), ...Object.values(ADMIN_SERVICE)];
/** How a bug of the server would be reported. */
const BUGS: readonly number[] = [GRPC_STATUS.unknown, GRPC_STATUS.internal];
const RUNS = 150;

/** Good bytes of which some are changed, cut or added. */
function changed(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  return fc
    .tuple(fc.array(edit, { minLength: 1, maxLength: 12 }), fc.nat(good.length), fc.uint8Array({ maxLength: 8 }))
    .map(([edits, length, tail]) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of edits) bytes[at] = value;
      return Buffer.concat([bytes.subarray(0, Math.max(length, good.length >> 1)), tail]);
    });
}

test("whatever bytes come as a call, the coordinator refuses them and goes on", async (t) => {
  const coordinator = await startCoordinator(freshServer());
  const server = await startGrpcServer({
    services: servicesOf(coordinator),
    quota: { perSecond: 1e6, burst: 1e6 },
  });
  const http = rawConnection(server.target);
  const device = createFleetClient({ targets: [server.target], retries: 0 });
  t.after(async () => {
    http.close();
    device.close();
    await server.stop({ graceMs: 0 });
    await coordinator.stop();
  });
  await device.hello(helloOf("pi-1"));
  const hello = FLEET_SERVICE.hello.request.toBytes(helloOf("pi-1"));
  const report = FLEET_SERVICE.reportProfile.request.toBytes(reportOf("pi-1", "r1"));
  const whole = gzipSync(report);
  const part = FLEET_SERVICE.reportProfilePart.request.toBytes({
    identity: identityOf("pi-1"),
    digest: "ab".repeat(32),
    totalBytes: whole.length,
    offset: 0,
    part: whole,
  });
  // A stream of events that was asked for in good form never ends by itself.
  const unary = METHODS.filter(({ isStream }) => !isStream);
  const calls = fc.oneof(
    fc.record({ path: fc.constantFrom(...unary.map(({ path }) => path)), bytes: fc.uint8Array({ maxLength: 300 }) }),
    changed(hello).map((bytes) => ({ path: FLEET_SERVICE.hello.path, bytes })),
    changed(report).map((bytes) => ({ path: FLEET_SERVICE.reportProfile.path, bytes })),
    changed(part).map((bytes) => ({ path: FLEET_SERVICE.reportProfilePart.path, bytes })),
  );
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(calls, async ({ path, bytes }) => {
      const status = await rawCall(http, path, bytes);
      seen.add(status);
      assert.ok(!BUGS.includes(status), `status ${status}`);
    }),
    { numRuns: RUNS },
  );
  assert.ok(seen.has(GRPC_STATUS.invalidArgument));
  assert.equal((await device.reportProfile(reportOf("pi-1", "fresh"))).isDuplicate, false);
});

test("whatever comes over NATS, agent and coordinator live on with what was good", { skip }, async (t) => {
  const nats = await startServer(t);
  const link = await openLink(t, nats.address.url);
  const store = await openJetstreamStore(link, { layout: FLEET_LAYOUT, monitorUrls: [nats.address.monitorUrl] });
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const settings = resolveSettings({ name: "c", natsServers: [nats.address.url], heartbeatSeconds: 1 }, newId);
  const coordinator = createCoordinator(settings, { store, logger: silentLogger, newId });
  await coordinator.start();
  const server = await startGrpcServer({ services: servicesOf(coordinator) });
  t.after(async () => {
    await server.stop({ graceMs: 0 });
    await coordinator.stop();
  });
  const identity = identityOf("pi-1");
  const agent = await startAgent(t, server.target);
  const { signal } = t;
  const first = await eventually(() => agent.snapshot().applied);
  const bus = new NatsNotifyBus(link);
  const good = await store.get(BUCKETS.desired, deviceKey(identity));
  assert.ok(good !== undefined);
  const garbage = fc.sample(fc.oneof(fc.uint8Array({ maxLength: 9_000 }), changed(good.value)), RUNS);
  for (const [index, bytes] of garbage.entries()) {
    bus.publish(notifySubject(identity), bytes);
    // What is stored is sent to the device, and to the coordinator's own watches.
    if (index % 10 === 0) await store.put(BUCKETS.desired, deviceKey(identity), bytes);
    if (index % 10 === 5) await store.put(BUCKETS.ident, deviceKey(identityOf(`broken-${index}`)), bytes);
  }
  await link.connection.flush();
  assert.deepEqual(agent.snapshot().applied, first, "nothing that was damaged is in use");
  await store.delete(BUCKETS.desired, deviceKey(identity));
  const { document } = await coordinator.admin.pushConfig({ identity, model: "tiny", reason: "" }, { signal });
  assert.ok(document.version.version > first.version);
  await eventually(() => (agent.snapshot().applied?.version === document.version.version ? true : undefined));
  assert.deepEqual(await coordinator.notReady(), []);
});

/** The product's daemon in this process, on its own folder; it ends with the test. */
async function startAgent(t: TestContext, coordinator: string): Promise<Agent> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-malformed-"));
  const source = join(folder, "serving", "tiny", "model");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "model.json"), "{}");
  const identity = identityOf("pi-1");
  const common = { clock: systemClock, random: Math.random, logger: silentLogger };
  const ends = new AbortController();
  let running: Promise<void> = Promise.resolve();
  t.after(async () => {
    ends.abort();
    await running;
    await rm(folder, { recursive: true, force: true });
  });
  return await new Promise<Agent>((resolve, reject) => {
    running = runAgentDaemon({
      settings: {
        ...DEFAULT_AGENT_SETTINGS,
        ...{ identity, agentVersion: "0.1.0", engineVersion: "0.1.0", tickMs: 50, probePatienceMs: 0 },
        methods: ["crossEntropy"],
        budget: { ...DEFAULT_AGENT_SETTINGS.budget, reserveBytes: 0, reserveShare: 0, workerIdleBytes: 1 },
        linkRetry: { baseMs: 50, capMs: 200 },
      },
      dataFolder: join(folder, "data"),
      servingRoot: join(folder, "serving"),
      deviceClass: "board",
      connect: (as) => connectFleet({ identity: as, coordinators: [coordinator], ...common }),
      ...common,
      environment: process.env,
      engine: processEngine(Math.random, () => undefined),
      onReady: resolve,
      signal: ends.signal,
    });
    running.catch(reject);
  });
}
