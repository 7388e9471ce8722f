import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { createLogger } from "@mpo/runtime";
import { BUCKETS, FLEET_LAYOUT, type StateStore } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { StoreHealth } from "./store-health.ts";

void test("a full bucket is given more within seconds, and the outage is over", async () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const plain = new MemoryStateServer({ layout: FLEET_LAYOUT, clock }).connect();
  let reservations = 0;
  const store: StateStore = Object.create(plain, {
    put: {
      value: (...args: Parameters<StateStore["put"]>) =>
        args[0] === BUCKETS.ident && reservations < 2
          ? Promise.reject(new MpoError("over-budget", "maximum bytes exceeded"))
          : plain.put(...args),
    },
    reserve: {
      value: () => {
        reservations += 1;
        return reservations === 1 ? Promise.reject(new MpoError("timed-out", "no answer")) : Promise.resolve();
      },
    },
  }) as StateStore;
  const logger = createLogger({ write: (line) => lines.push(line) });
  const health = new StoreHealth({ store, clock, logger, graceMs: () => 0, onRefused: () => undefined });
  const ends = new AbortController();
  const running = health.run(ends.signal);
  const write = (): Promise<number> => health.store.put(BUCKETS.ident, "acme.pi-1", new Uint8Array([1]));
  await clock.advance(0);
  assert.equal(reservations, 0, "nothing is full");
  const refused = {
    code: "unavailable",
    message: /^ident of the store is full/u,
    hint: /reserves more within seconds/u,
  };
  await assert.rejects(write(), refused);
  assert.match(String(health.trouble), /ident of the store is full/u);
  await clock.advance(10_000);
  assert.match(lines.join(""), /the store could not reserve more/u);
  await assert.rejects(write(), refused);
  await clock.advance(10_000);
  await write();
  assert.equal(health.trouble, undefined);
  await clock.advance(60_000);
  assert.equal(reservations, 2);
  ends.abort();
  await running;
});

void test("nothing is written to try the store where others have just written", async () => {
  const clock = new VirtualClock();
  const plain = new MemoryStateServer({ layout: FLEET_LAYOUT, clock }).connect();
  let trials = 0;
  const store: StateStore = Object.create(plain, {
    put: {
      value: (...args: Parameters<StateStore["put"]>) => {
        if (args[0] === BUCKETS.health) trials += 1;
        return plain.put(...args);
      },
    },
  }) as StateStore;
  const logger = createLogger({ write: () => undefined });
  const health = new StoreHealth({ store, clock, logger, graceMs: () => 0, onRefused: () => undefined });
  const ends = new AbortController();
  const running = health.run(ends.signal);
  await clock.advance(60_000);
  const idle = trials;
  assert.ok(idle >= 5, "nobody writes");
  for (let seconds = 0; seconds < 60; seconds += 1) {
    await health.store.put(BUCKETS.ident, "acme.pi-1", new Uint8Array([1]));
    await clock.advance(1_000);
  }
  assert.equal(trials, idle);
  await clock.advance(30_000);
  assert.ok(trials > idle);
  ends.abort();
  await clock.advance(0);
  await running;
});
