import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { createLogger, silentLogger } from "@mpo/runtime";
import { createAdminClient, createFleetClient, startGrpcServer } from "@mpo/transport";
import { servicesOf } from "./api/services.ts";
import { countDevices } from "./registry/count-devices.ts";
import { WatchedMap } from "./store/watched-map.ts";
import {
  documentReport,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  RESOURCES,
  reportOf,
  startCoordinator,
} from "./testing/tiny-fleet.ts";

type Line = Readonly<Record<string, unknown>>;

async function room(context: TestContext) {
  const lines: Line[] = [];
  const logger = createLogger({ level: "debug", write: (line) => lines.push(JSON.parse(line) as Line) });
  const coordinator = await startCoordinator(freshServer(), {}, logger);
  const server = await startGrpcServer({ services: servicesOf(coordinator), logger });
  const device = createFleetClient({ targets: [server.target], retries: 0, logger });
  const admin = createAdminClient({ targets: [server.target], retries: 0 });
  context.after(async () => {
    device.close();
    admin.close();
    await server.stop({ graceMs: 0 });
    await coordinator.stop();
  });
  const page = async (): Promise<readonly string[]> => (await coordinator.metrics.page()).text.split("\n");
  return { lines, coordinator, device, admin, page };
}

void describe("what an operator sees", () => {
  void it("every call has its name in the logs, with the device, and in the events", async (context) => {
    const { lines, device, admin } = await room(context);
    const named = (requestId: string): readonly Line[] => lines.filter((line) => line["requestId"] === requestId);
    await device.hello(helloOf("pi-1"), { requestId: "hello-1" });
    const enrolled = named("hello-1").find(({ msg }) => msg === "a device enrolled");
    assert.deepEqual([enrolled?.["deviceId"], enrolled?.["level"]], ["pi-1", "info"]);
    const answered = named("hello-1").find(({ msg }) => msg === "a call was answered");
    assert.equal(answered?.["deviceId"], "acme.pi-1");
    await device.reportProfile(reportOf("pi-1", "r1"), { requestId: "report-1" });
    assert.ok(named("report-1").some(({ msg, report }) => msg === "a profile is stored" && report === "r1"));

    const failed = device.reportProfile(reportOf("pi-2", "r1"), { requestId: "report-2" });
    await assert.rejects(failed, { code: "not-found" });
    // Once at each side.
    assert.equal(named("report-2").filter(({ msg }) => msg === "a call failed").length, 2);

    const identity = identityOf("pi-1");
    await eventually(() => admin.getConfig({ identity }).catch(() => undefined));
    await admin.pushConfig({ identity, model: "tiny", reason: "by hand" }, { requestId: "push-1" });
    const pushed = named("push-1").find(({ msg }) => msg === "a person changed a document");
    assert.deepEqual([pushed?.["deviceId"], pushed?.["model"], pushed?.["level"]], ["pi-1", "tiny", "info"]);
    const { events } = await admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 50 });
    assert.ok(events.some(({ actor, message }) => actor === "admin, call push-1" && message.endsWith(": by hand")));
  });

  void it("calls that were refused because too many ran", async (context) => {
    const { coordinator, page } = await room(context);
    const onRefused = (path: string): void => coordinator.metrics.refused(path);
    const full = await startGrpcServer({ services: servicesOf(coordinator), maxCalls: 0, onRefused });
    context.after(() => full.stop({ graceMs: 0 }));
    const device = createFleetClient({ targets: [full.target], retries: 0 });
    context.after(() => device.close());
    await assert.rejects(device.hello(helloOf("pi-1")), { code: "unavailable" });
    assert.ok((await page()).includes('mpo_calls_refused_total{method="hello"} 1'));
  });

  void it("what was pushed, by whom, and who is behind", async (context) => {
    const { device, admin, page } = await room(context);
    const identity = identityOf("pi-1");
    await device.hello(helloOf("pi-1"));
    await device.reportProfile(reportOf("pi-1", "r1"));
    await eventually(() => admin.getConfig({ identity }).catch(() => undefined));
    await admin.pushConfig({ identity, model: "tiny", reason: "" });
    await admin.rollbackConfig({ identity, version: { epoch: 1, version: 1 }, reason: "" });
    const has = (line: string) => eventually(async () => ((await page()).includes(line) ? true : undefined));
    await has('mpo_documents_pushed_total{cause="search"} 1');
    await has('mpo_documents_pushed_total{cause="hand"} 1');
    await has('mpo_documents_pushed_total{cause="rollback"} 1');
    await has('mpo_devices_by_state{state="online"} 1');
    await has("mpo_devices_behind 1");
    await device.reportStatus(documentReport("pi-1", 1, 3, "applied"));
    await has("mpo_devices_behind 0");
    const watching = admin.watchEvents({ tenant: "acme", afterSequence: 1 });
    for await (const _ of watching) break;
    await has('mpo_calls_total{method="watchEvents",code="ok"} 1');
  });
});

void it("a watch tells how late the store's newest change was", async () => {
  const clock = new VirtualClock(1_000_250);
  const entry = (key: string, revision: number, storedAtMs: number) =>
    ({ kind: "put", entry: { key, value: new Uint8Array(), revision, storedAtMs } }) as const;
  const store = {
    async *watch() {
      // What was there at the start is old, not late.
      yield entry("a", 1, 5);
      yield { kind: "caught-up" } as const;
      yield entry("b", 2, 1_000_000);
    },
  };
  const map = new WatchedMap({ clock, logger: silentLogger, store }, { bucket: "any", read: () => 0 });
  assert.equal(map.lagMs, 0);
  await map.run(new AbortController().signal);
  assert.equal(map.lagMs, 250);
});

void it("counts devices as they are", () => {
  const seen = new Map([
    ["fresh", { resources: RESOURCES, lastSeenMs: 1_000_000, appliedVersion: { epoch: 1, version: 2 } }],
    ["old", { resources: RESOURCES, lastSeenMs: 900_000 }],
    ["late", { resources: RESOURCES, lastSeenMs: 999_000, appliedVersion: { epoch: 1, version: 1 } }],
  ]);
  const devices = ["fresh", "old", "late", "never"].map((device) => ({ ...helloOf(device), enrolledAtMs: 1 }));
  const counts = countDevices({
    registry: {
      *devices() {
        yield* devices;
      },
      seen: ({ device }) => seen.get(device),
    },
    documents: { newest: () => ({ version: { epoch: 1, version: 2 }, issuedAtMs: 999_000, model: "tiny" }) },
    statuses: {
      newest: () => undefined,
      failures: ({ device }) => {
        const failure = { model: "tiny", failedAtMs: 0, failures: 3, retryAtMs: 0, message: "", receivedAtMs: 10 };
        return device === "never" ? [] : [failure];
      },
    },
    // It was measured after all.
    profiles: {
      facts: ({ identity: { device } }) => (device === "late" ? { value: { receivedAtMs: 11 } } : undefined),
    },
    certificateValidMs: 4_000,
    certificateEndsMs: ({ device }) => 1_000_000 + (device === "fresh" ? 999 : 1_000),
    presenceMs: () => 1_000_000,
    heartbeatSeconds: () => 30,
  });
  const looked = { probeFailing: 2, certificateLate: 1, conditions: new Map() };
  assert.deepEqual(counts, { online: 2, offline: 2, behind: 1, ...looked });
});
