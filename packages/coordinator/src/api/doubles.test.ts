import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import type { HelloRequest } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { createCoordinator } from "../coordinator.ts";
import { resolveSettings } from "../settings.ts";
import {
  CALL,
  documentReport,
  eventually,
  freshServer,
  helloOf,
  INVENTORY,
  identityOf,
  RESOURCES,
  reportOf,
} from "../testing/tiny-fleet.ts";

const instance = (instanceId: string) => ({
  instance: { instanceId, machineId: "copied", bootId: `boot-${instanceId}` },
});
const A = instance("aaa");
const B = instance("bbb");
const BEAT_MS = 30_000;

async function started(t: TestContext) {
  const clock = new VirtualClock(1_700_000_000_000);
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const ports = { store: freshServer().connect(), logger: silentLogger, newId, clock };
  const coordinator = createCoordinator(resolveSettings({ leaseMs: 3_600_000 }, newId), ports);
  await coordinator.start();
  t.after(() => coordinator.stop());
  const { fleet, admin } = coordinator;
  const call = (who: typeof A) => ({ ...CALL, peer: who === A ? "10.0.0.1:5000" : "10.0.0.2:6000" });
  const hello = (who: typeof A, changes: Partial<HelloRequest> = {}) =>
    fleet.hello(helloOf("pi", { ...who, ...changes }), call(who));
  const beat = async (who: typeof A, memoryAvailableBytes = 1e6) => {
    const request = { identity: identityOf("pi"), resources: { ...RESOURCES, memoryAvailableBytes }, conditions: [] };
    return await fleet.heartbeat({ ...request, ...who }, call(who));
  };
  const device = async () => (await admin.getDevice({ identity: identityOf("pi") }, CALL)).device;
  const events = async (kind: string) => {
    const { events: all } = await admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 200 }, CALL);
    return all.filter((one) => one.kind === kind);
  };
  const config = () => admin.getConfig({ identity: identityOf("pi") }, CALL);
  return { clock, coordinator, fleet, hello, beat, call, device, events, config };
}

void describe("two machines under one name", () => {
  void it("are noticed; the first keeps its record and documents, the other's reports are kept apart", async (t) => {
    const { clock, coordinator, fleet, hello, beat, call, device, events, config } = await started(t);
    await hello(A);
    await fleet.reportProfile({ ...reportOf("pi", "r1"), ...A }, call(A));
    await eventually(() => config().catch(() => undefined));
    await clock.advance(6_000);
    await hello(B, { inventory: { ...INVENTORY, deviceClass: "other" } });
    assert.deepEqual((await device()).conditions, [], "it may be a restart");
    await clock.advance(6_000);
    const back = await beat(A);
    assert.deepEqual([back.doubledBy, back.needsHello], [undefined, true], "what is held is of the other");
    await hello(A);
    await clock.advance(6_000);

    const told = await hello(B, { inventory: { ...INVENTORY, deviceClass: "other" }, models: [] });
    assert.match(told.doubledBy ?? "", /machine copied boot boot-aaa agent aaa at 10\.0\.0\.1/);
    assert.deepEqual(
      [told.desired, told.desiredVersion, told.probes, told.natsServers],
      [undefined, undefined, [], []],
    );
    const beaten = await beat(B, 5);
    assert.deepEqual([beaten.desiredVersion, beaten.needsHello, beaten.doubledBy], [undefined, false, told.doubledBy]);
    await fleet.enroll(
      { identity: identityOf("pi"), inventory: { ...INVENTORY, deviceClass: "other" }, labels: [], ...B },
      call(B),
    );
    const refused = { ...documentReport("pi", 1, 1, "refused"), report: "bbb-1", ...B };
    await fleet.reportStatus(refused, call(B));
    const kept = await fleet.reportProfile({ ...reportOf("pi", "bbb-2", 3), ...B }, call(B));
    assert.match(kept.doubledBy ?? "", /agent aaa/, "it is not taken for a stored profile");

    const part = { identity: identityOf("pi"), digest: "ab".repeat(32), totalBytes: 9_000, offset: 0, ...B };
    const inParts = await fleet.reportProfilePart(part, call(B));
    assert.match(inParts.answer?.doubledBy ?? "", /agent aaa/, "it need not send more");

    const { inventory, resources, models, conditions, reportedStatus } = await device();
    assert.deepEqual([inventory.deviceClass, resources.memoryAvailableBytes], ["board", 1e6]);
    assert.deepEqual([models.length, reportedStatus], [1, undefined]);
    assert.deepEqual(
      conditions.map(({ code }) => code),
      ["doubled"],
    );
    assert.match(conditions[0]?.message ?? "", /agent aaa at 10\.0\.0\.1.*agent bbb at 10\.0\.0\.2/);
    const apart = await eventually(async () => {
      const found = await events("double-reported");
      return found.length === 3 ? found : undefined;
    });
    assert.ok(apart.every(({ actor }) => actor === "device pi, agent bbb"));
    assert.match(apart.map(({ message }) => message).join(), /document-refused: 1\.1/);
    assert.equal((await events("profile-stored")).length, 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.match((await coordinator.metrics.page()).text, /mpo_device_conditions\{code="doubled"\} 1/);

    for (let turn = 0; turn < 20; turn++) {
      await clock.advance(BEAT_MS / 2);
      assert.equal((await beat(A)).doubledBy, undefined);
      await clock.advance(BEAT_MS / 2);
      assert.ok((await beat(B)).doubledBy !== undefined);
    }
    assert.equal((await events("device-doubled")).length, 1);
  });

  void it("stay so, however long the first is silent, until a person decides: then the other is the device", async (t) => {
    const { clock, coordinator, fleet, hello, beat, call, device, events } = await started(t);
    const decide = (keep: string) =>
      coordinator.admin.decideDevice({ identity: identityOf("pi"), keep, reason: "it has the camera" }, CALL);
    await hello(A);
    await assert.rejects(decide("aaa"), { code: "precondition-failed" });
    await fleet.reportProfile({ ...reportOf("pi", "aaa-1"), ...A }, call(A));
    await clock.advance(6_000);
    await hello(B);
    await clock.advance(6_000);
    await beat(A);
    await hello(A);
    await clock.advance(40 * BEAT_MS);
    const parked = await beat(B);
    assert.match(parked.doubledBy ?? "", /agent aaa at 10\.0\.0\.1$/u);
    await assert.rejects(decide("ccc"), /expected aaa or bbb/u);

    const { kept, parked: other } = await decide("bb");
    assert.match(`${kept}, ${other}`, /agent bbb at 10\.0\.0\.2, .*agent aaa/u);
    const answer = await beat(B);
    assert.deepEqual([answer.doubledBy, answer.needsHello], [undefined, true]);
    const profiles = [{ model: "tiny", measuredAtMs: reportOf("pi", "bbb-1").profile.measuredAtMs + 1 }];
    const { probes } = await hello(B, { inventory: { ...INVENTORY, deviceClass: "other" }, profiles });
    assert.deepEqual(
      probes.map(({ model, isFresh }) => [model, isFresh]),
      [["tiny", false]],
      "what it measured while it was kept apart is asked for again",
    );
    const isDoubled = async () => (await device()).conditions.some(({ code }) => code === "doubled");
    assert.deepEqual([(await device()).inventory.deviceClass, await isDoubled()], ["other", false]);
    const [event] = await events("device-decided");
    assert.match(
      `${event?.actor}: ${event?.message}`,
      /^admin.*: \(.*agent bbb.*\) is the device, .*it has the camera$/u,
    );
    await fleet.reportStatus({ ...documentReport("pi", 1, 1, "applied"), ...B }, call(B));
    assert.equal((await device()).reportedStatus?.state, "applied");
    for (let turn = 0; turn < 5; turn++) {
      await clock.advance(BEAT_MS);
      assert.match((await hello(A)).doubledBy ?? "", /agent bbb .*, as a person has decided$/u);
      assert.equal((await beat(B)).doubledBy, undefined);
    }
    assert.deepEqual([await isDoubled(), (await events("device-doubled")).length], [false, 1]);
    await decide("aaa");
    assert.deepEqual([(await beat(A)).doubledBy, (await beat(B)).doubledBy !== undefined], [undefined, true]);
  });
});
