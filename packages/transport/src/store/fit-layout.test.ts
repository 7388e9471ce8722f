import assert from "node:assert/strict";
import { test } from "node:test";
import { fitLayout, fullRoom, roomOn, STORE_NEEDS_BYTES, type StoreDisk } from "./fit-layout.ts";
import { FLEET_LAYOUT } from "./fleet-layout.ts";
import type { StoreLayout } from "./store-layout.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const NEW: ReadonlyMap<string, number> = new Map();

function fitted(disk: StoreDisk): StoreLayout {
  return fitLayout(FLEET_LAYOUT, roomOn(disk));
}

function reserved({ buckets, streams }: StoreLayout): number {
  return [...buckets, ...streams].reduce((sum, { maxBytes }) => sum + maxBytes, 0);
}

test("reservations fit any disk that is large enough, and grow with it to the layout's own", () => {
  let before = 0;
  for (const freeBytes of [STORE_NEEDS_BYTES, GIB, 8 * GIB, 16 * GIB]) {
    const now = reserved(fitted({ folder: "/data", freeBytes, heldBytes: NEW }));
    assert.ok(now <= freeBytes && now > before, `${now} of ${freeBytes}`);
    before = now;
  }
  assert.deepEqual(fitted({ folder: "/data", freeBytes: 40 * GIB, heldBytes: NEW }), FLEET_LAYOUT);
  const roomBytes = fullRoom(FLEET_LAYOUT);
  assert.deepEqual(fitLayout(FLEET_LAYOUT, { roomBytes, heldBytes: NEW }), FLEET_LAYOUT);
  assert.notDeepEqual(fitLayout(FLEET_LAYOUT, { roomBytes: 0.99 * roomBytes, heldBytes: NEW }), FLEET_LAYOUT);
});

test("a new store that does not fit says how many bytes are needed, and where", () => {
  const disk = { folder: "/data", freeBytes: STORE_NEEDS_BYTES - 2 ** 20, heldBytes: NEW };
  assert.throws(() => fitted(disk), {
    code: "unavailable",
    message: /needs 256(\.0)? MiB free on the disk of \/data; it has 255(\.0)? MiB/u,
    hint: /^Free 1\.0 MiB there/u,
  });
});

test("a store that exists goes on with little room, and keeps what it holds", () => {
  const disk = { folder: "/data", freeBytes: 40 * MIB, heldBytes: new Map([["KV_status", 300 * MIB]]) };
  const { buckets } = fitted(disk);
  assert.equal(buckets.find(({ name }) => name === "status")?.maxBytes, 301 * MIB);
  assert.ok(buckets.every(({ maxBytes }) => maxBytes >= 8 * MIB));
});
