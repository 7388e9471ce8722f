import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import { type Coordinator, createCoordinator } from "../coordinator.ts";
import { type CoordinatorSettings, resolveSettings } from "../settings.ts";
import {
  CALL,
  documentReport,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  RESOURCES,
  reportOf,
} from "../testing/tiny-fleet.ts";

const DAY_MS = 86_400_000;
const BOTH = ["pi-1", "pi-2"];

/** A coordinator with two devices that have profiles and documents, and are away now. */
async function withGoneDevices(t: TestContext, settings: CoordinatorSettings = {}) {
  const clock = new VirtualClock(1_700_000_000_000);
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const ports = { store: freshServer().connect(), logger: silentLogger, newId, clock };
  // Days go by here: whoever waits for work looks as seldom as it may.
  const coordinator = createCoordinator(resolveSettings({ leaseMs: 3_600_000, ...settings }, newId), ports);
  await coordinator.start();
  t.after(() => coordinator.stop());
  for (const name of BOTH) {
    await coordinator.fleet.hello(helloOf(name), CALL);
    await coordinator.fleet.reportProfile(reportOf(name, "r1"), CALL);
    await eventually(() => coordinator.admin.getConfig({ identity: identityOf(name) }, CALL).catch(() => undefined));
    await coordinator.fleet.reportStatus(documentReport(name, 1, 1, "confirmed"), CALL);
  }
  await clock.advance(DAY_MS);
  return { clock, coordinator };
}

function listed({ admin }: Coordinator, isRetired = false): readonly string[] {
  const { devices } = admin.listDevices({
    tenant: "acme",
    pageSize: 10,
    ...(isRetired ? { where: "state = retired" } : {}),
  });
  return devices.map(({ identity }) => identity.device);
}

async function counted({ metrics }: Coordinator): Promise<string | undefined> {
  // Longer than a count is kept.
  await new Promise((resolve) => setTimeout(resolve, 60));
  return (await metrics.page()).text.split("\n").find((line) => line.startsWith("mpo_devices "));
}

async function kindsOf({ admin }: Coordinator, device: string): Promise<readonly string[]> {
  const { events } = await admin.listEvents({ tenant: "acme", device, beforeSequence: 0, pageSize: 50 }, CALL);
  return events.map(({ kind }) => kind);
}

const pi1 = { identity: identityOf("pi-1"), reason: "sold" };

void describe("the end of a device's life", () => {
  void it("retired, it leaves lists and counts, stays known, and is back when its agent is", async (t) => {
    const { coordinator } = await withGoneDevices(t);
    await coordinator.admin.retireDevice(pi1, CALL);
    assert.deepEqual([listed(coordinator), listed(coordinator, true)], [["pi-2"], ["pi-1"]]);
    assert.equal(await counted(coordinator), "mpo_devices 1");
    await coordinator.admin.getProfile({ ...pi1, model: "tiny" }, CALL);
    await eventually(async () => (await kindsOf(coordinator, "pi-1")).includes("device-retired") || undefined);

    const { needsHello } = await coordinator.fleet.heartbeat({ ...pi1, resources: RESOURCES, conditions: [] }, CALL);
    assert.ok(needsHello, "it is asked to say hello");
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    assert.deepEqual([listed(coordinator), listed(coordinator, true)], [BOTH, []]);
    await eventually(async () => (await kindsOf(coordinator, "pi-1"))[0] === "device-returned" || undefined);
  });

  void it("removed, all that it reported is gone, and it enrols as new", async (t) => {
    const { coordinator } = await withGoneDevices(t);
    assert.deepEqual(await coordinator.admin.removeDevice(pi1, CALL), { profileCount: 1 });
    assert.deepEqual([listed(coordinator), listed(coordinator, true)], [["pi-2"], []]);
    for (const gone of ["getDevice", "getConfig"] as const) {
      await assert.rejects(coordinator.admin[gone](pi1, CALL), { code: "not-found" });
    }
    await assert.rejects(coordinator.admin.getProfile({ ...pi1, model: "tiny" }, CALL), { code: "not-found" });
    await assert.rejects(coordinator.admin.removeDevice(pi1, CALL), { code: "not-found" });

    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    assert.deepEqual(listed(coordinator), BOTH);
    const kinds = await eventually(async () => {
      const found = await kindsOf(coordinator, "pi-1");
      return found[0] === "device-enrolled" ? found : undefined;
    });
    assert.ok(kinds.includes("device-removed"), "its events stay");
    assert.equal((await coordinator.admin.getDevice(pi1, CALL)).device.desiredVersion, undefined);
  });

  void it("renamed, it keeps its profile, its documents and what it reported of them", async (t) => {
    const { clock, coordinator } = await withGoneDevices(t);
    const before = await coordinator.admin.getConfig(pi1, CALL);
    const { explanation } = await coordinator.admin.explainConfig(pi1, CALL);
    await assert.rejects(coordinator.admin.renameDevice({ ...pi1, newName: "pi-2" }, CALL), { code: "already-exists" });
    const kitchen = { ...pi1, ...(await coordinator.admin.renameDevice({ ...pi1, newName: "kitchen" }, CALL)) };
    await eventually(() => listed(coordinator).includes("kitchen") || undefined);
    assert.deepEqual(listed(coordinator), ["kitchen", "pi-2"]);
    const after = await coordinator.admin.getConfig(kitchen, CALL);
    assert.deepEqual(after, { ...before, document: { ...before.document, device: "kitchen" } });
    assert.deepEqual((await coordinator.admin.explainConfig(kitchen, CALL)).explanation, explanation);
    const { profile } = await coordinator.admin.getProfile({ ...kitchen, model: "tiny" }, CALL);
    assert.equal(profile.device.id, "kitchen");
    await eventually(async () => (await kindsOf(coordinator, "kitchen"))[0] === "device-renamed" || undefined);

    // What it did before is found under its new name, and what another does under its old name is not.
    await clock.advance(1000);
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    await coordinator.fleet.hello(helloOf("kitchen"), CALL);
    await eventually(async () => (await kindsOf(coordinator, "pi-1"))[0] === "device-enrolled" || undefined);
    const [newest, ...kinds] = await kindsOf(coordinator, "kitchen");
    assert.equal(newest, "device-renamed");
    assert.deepEqual(kinds.toSorted(), ["config-pushed", "device-enrolled", "document-confirmed", "profile-stored"]);
  });

  void it("is refused while the device is online", async (t) => {
    const { coordinator } = await withGoneDevices(t);
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    const refused = { code: "precondition-failed", message: /pi-1 is online/u };
    await assert.rejects(coordinator.admin.retireDevice(pi1, CALL), refused);
    await assert.rejects(coordinator.admin.removeDevice(pi1, CALL), refused);
    await assert.rejects(coordinator.admin.renameDevice({ ...pi1, newName: "kitchen" }, CALL), refused);
    assert.deepEqual(listed(coordinator), BOTH);
  });

  void it("comes by itself after the time that is set", async (t) => {
    const { clock, coordinator } = await withGoneDevices(t, { retireAfterMs: 3 * DAY_MS });
    await coordinator.fleet.hello(helloOf("pi-2"), CALL);
    await clock.advance(2.1 * DAY_MS);
    await eventually(() => listed(coordinator, true).length > 0 || undefined);
    assert.deepEqual([listed(coordinator), listed(coordinator, true)], [["pi-2"], ["pi-1"]]);
  });

  void it("does not come because a clock was set", async (t) => {
    const { clock, coordinator } = await withGoneDevices(t, { retireAfterMs: 3 * DAY_MS });
    clock.jumpWallClock(3_650 * DAY_MS);
    await clock.advance(3_600_000);
    assert.deepEqual(listed(coordinator), BOTH);
  });
});
