import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { asker, identityRoom, joining } from "../test-support/identity-room.ts";
import { eventually } from "../testing/tiny-fleet.ts";
import { NatsUsers } from "./nats-users.ts";

const HOUR_MS = 3_600_000;
const clock = new VirtualClock(1_700_000_000_000);

/** One coordinator's part of it; `pushed` shows what NATS was given. */
function start(t: TestContext, server: MemoryStateServer, isAway = false) {
  const context = { store: server.connect(), clock, random: () => 0.5, logger: silentLogger };
  const nats = { isAway, pushed: [] as (readonly string[])[], running: 0, most: 0 };
  const users = new NatsUsers(context, {
    validMs: 24 * HOUR_MS,
    push: async (revocations) => {
      nats.running += 1;
      nats.most = Math.max(nats.most, nats.running);
      await new Promise((resolve) => setImmediate(resolve));
      nats.running -= 1;
      if (nats.isAway) throw new MpoError("unavailable", "no NATS");
      nats.pushed.push([...revocations.keys()]);
    },
  });
  const ends = new AbortController();
  const tasks = [...users.watches.map((watch) => watch.run(ends.signal)), users.run(ends.signal)];
  const stop = async (): Promise<void> => {
    ends.abort();
    await Promise.all(tasks);
  };
  t.after(stop);
  return { users, nats, stop };
}

const fresh = (): MemoryStateServer => new MemoryStateServer({ layout: FLEET_LAYOUT, clock });
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

void describe("users of NATS that were revoked", () => {
  void it("are off when it resolves", async (t) => {
    const { users, nats } = start(t, fresh());
    await users.revoke(["U1"]);
    assert.deepEqual(nats.pushed[0], ["U1"]);
    await users.revoke(["U2", "U3"]);
    assert.deepEqual(nats.pushed.at(-1), ["U1", "U2", "U3"]);
    assert.deepEqual([...users.revocations.values()], Array(3).fill(clock.now()));
  });

  void it("are off within a minute of NATS being there again, though it was away at first", async (t) => {
    const { users, nats } = start(t, fresh(), true);
    await users.revoke(["U1"]);
    await settle();
    assert.deepEqual(nats.pushed, []);
    for (let second = 0; second < 120; second += 1) await clock.advance(1_000);
    nats.isAway = false;
    for (let second = 0; second < 10 && nats.pushed.length === 0; second += 1) await clock.advance(1_000);
    assert.deepEqual(nats.pushed, [["U1"]]);
  });

  void it("are pushed at every start, and tried again where NATS comes later", async (t) => {
    const server = fresh();
    const first = start(t, server);
    await first.users.revoke(["U1"]);
    await first.stop();
    const second = start(t, server);
    await eventually(() => second.nats.pushed.length > 0 || undefined);
    assert.deepEqual(second.nats.pushed[0], ["U1"]);
    await second.stop();
    const third = start(t, server, true);
    await settle();
    third.nats.isAway = false;
    for (let second = 0; second < 10 && third.nats.pushed.length === 0; second += 1) await clock.advance(1_000);
    assert.deepEqual(third.nats.pushed, [["U1"]]);
  });

  void it("are pushed now and then, for a server that was replaced; nothing is where nobody was revoked", async (t) => {
    const { users, nats } = start(t, fresh());
    await settle();
    await clock.advance(HOUR_MS);
    await settle();
    assert.deepEqual(nats.pushed, []);
    await users.revoke(["U1"]);
    await settle();
    const before = nats.pushed.length;
    await clock.advance(HOUR_MS);
    await settle();
    assert.ok(nats.pushed.length > before);
  });

  void it("of two coordinators are pushed by both, each time all of them, one push at a time", async (t) => {
    const server = fresh();
    const [one, other] = [start(t, server), start(t, server)];
    const names = Array.from({ length: 40 }, (_, index) => `U${index}`);
    let isDone = false;
    const work = Promise.all(names.map((name, index) => (index % 2 === 0 ? one : other).users.revoke([name])));
    void work.finally(() => {
      isDone = true;
    });
    // Who was second waits, by this clock.
    while (!isDone) {
      await settle();
      await clock.advance(20);
    }
    await work;
    for (const { nats } of [one, other]) {
      await eventually(() => nats.pushed.at(-1)?.length === names.length || undefined);
      assert.equal(nats.most, 1);
    }
  });

  void it("are forgotten when their proof has ended anyway", async (t) => {
    const { users } = start(t, fresh());
    await users.revoke(["U1"]);
    await clock.advance(25 * HOUR_MS);
    await users.revoke(["U2"]);
    assert.deepEqual([...users.revocations.keys()], ["U2"]);
  });

  void it("are those of a device whose coordinator died between two writes: the next one finishes it", async (t) => {
    const room = await identityRoom();
    t.after(() => room.stop());
    const first = await room.connect();
    const device = await asker();
    const order = { tenant: "acme", uses: 1, validMs: HOUR_MS, labels: [], isAccepting: true };
    const { secret } = await first.joinTokens.create(order, "ann");
    await first.enrolments.enrol(joining(device, "cam", { token: secret }), "");
    const { store } = first.context;
    const [key = ""] = await store.keys("enrolment");
    const entry = await store.get("enrolment", key);
    const revoked = Buffer.from(entry?.value ?? [])
      .toString()
      .replace('"accepted"', '"revoked"');
    await store.put("enrolment", key, Buffer.from(revoked));
    assert.deepEqual(room.pushed, []);
    await first.stop();
    await room.connect();
    await eventually(() => room.pushed.length > 0 || undefined);
    assert.deepEqual(room.pushed[0], [device.nkey]);
    // When its proof has ended it is not revoked time and again.
    await room.clock.advance(8 * 24 * HOUR_MS);
    const { context } = await room.connect();
    await settle();
    const stored = await context.store.get("revoked", "revoked-nats-users");
    assert.ok((stored?.storedAtMs ?? 0) < room.clock.now() - 7 * 24 * HOUR_MS);
  });
});
