import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import {
  CALL,
  documentReport,
  freshServer,
  helloOf,
  identityOf,
  RESOURCES,
  reportOf,
  startCoordinator,
} from "../testing/tiny-fleet.ts";
import { Registry } from "./registry.ts";

const START_MS = 1_700_000_000_000;

async function started(t: TestContext, heartbeatSeconds: number) {
  const clock = new VirtualClock(START_MS);
  const store = freshServer().connect();
  const registry = new Registry({ store, clock, random: () => 0, logger: silentLogger }, { heartbeatSeconds });
  const end = new AbortController();
  const watching = registry.watches.map((watch) => watch.run(end.signal).catch(() => undefined));
  t.after(async () => {
    end.abort();
    await Promise.all(watching);
  });
  await Promise.all(registry.watches.map(({ ready }) => ready));
  await registry.introduce(helloOf("pi-1"));
  const seenAfterMs = (): number => (registry.seen(identityOf("pi-1"))?.lastSeenMs ?? Number.NaN) - START_MS;
  return { clock, registry, seenAfterMs };
}

describe("when a device was last heard of", () => {
  for (const heartbeatSeconds of [1, 2, 3, 5, 30]) {
    it(`is written down with every heartbeat, at ${heartbeatSeconds} s`, async (t) => {
      const { clock, registry, seenAfterMs } = await started(t, heartbeatSeconds);
      // As agents jitter them.
      const everyMs = 900 * heartbeatSeconds;
      for (let beat = 0; beat < 5; beat++) {
        await registry.saw(identityOf("pi-1"), { resources: RESOURCES });
        assert.equal(seenAfterMs(), beat * everyMs);
        await clock.advance(everyMs);
      }
    });
  }

  it("is not written again at once: a hello after a heartbeat tells nothing new", async (t) => {
    const { clock, registry, seenAfterMs } = await started(t, 30);
    await registry.saw(identityOf("pi-1"), { resources: RESOURCES });
    await clock.advance(4_000);
    await registry.saw(identityOf("pi-1"), { resources: RESOURCES });
    assert.equal(seenAfterMs(), 0);
    await registry.saw(identityOf("pi-1"), { resources: RESOURCES, appliedVersion: { epoch: 1, version: 1 } });
    assert.equal(seenAfterMs(), 4_000);
  });

  it("is moved by whatever it tells, and what it told of itself stays", async (t) => {
    const { clock, registry, seenAfterMs } = await started(t, 30);
    await registry.heardOf(identityOf("pi-1"));
    assert.equal(registry.seen(identityOf("pi-1")), undefined);
    const appliedVersion = { epoch: 1, version: 1 };
    await registry.saw(identityOf("pi-1"), { resources: RESOURCES, appliedVersion });
    await clock.advance(37_000);
    await registry.heardOf(identityOf("pi-1"));
    assert.equal(seenAfterMs(), 37_000);
    const { resources, appliedVersion: applied } = registry.seen(identityOf("pi-1")) ?? {};
    assert.deepEqual([resources, applied], [RESOURCES, appliedVersion]);
  });

  it("is when it reported, too", async (t) => {
    const coordinator = await startCoordinator(freshServer(), { heartbeatSeconds: 1 });
    t.after(() => coordinator.stop());
    const { fleet, admin } = coordinator;
    const lastSeenMs = async () => (await admin.getDevice({ identity: identityOf("pi-1") }, CALL)).device.lastSeenMs;
    await fleet.hello(helloOf("pi-1"), CALL);
    let before = await lastSeenMs();
    for (const report of [
      () => fleet.reportStatus(documentReport("pi-1", 1, 1, "applied"), CALL),
      () => fleet.reportProfile(reportOf("pi-1", "r1"), CALL),
    ]) {
      await new Promise((wake) => setTimeout(wake, 600));
      await report();
      const now = await lastSeenMs();
      assert.ok(now - before >= 500, `${before} ${now}`);
      before = now;
    }
  });
});
