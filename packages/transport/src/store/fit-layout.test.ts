import assert from "node:assert/strict";
import { test } from "node:test";
import { fitLayout, STORE_NEEDS_BYTES } from "./fit-layout.ts";
import { FLEET_LAYOUT } from "./fleet-layout.ts";
import type { StoreLayout } from "./store-layout.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const NEW: ReadonlyMap<string, number> = new Map();

function reserved({ buckets, streams }: StoreLayout): number {
  return [...buckets, ...streams].reduce((sum, { maxBytes }) => sum + maxBytes, 0);
}

test("reservations fit any disk that is large enough, and grow with it to the layout's own", () => {
  let before = 0;
  for (const freeBytes of [STORE_NEEDS_BYTES, GIB, 8 * GIB, 16 * GIB]) {
    const fitted = reserved(fitLayout(FLEET_LAYOUT, { folder: "/data", freeBytes, heldBytes: NEW }));
    assert.ok(fitted <= freeBytes && fitted > before, `${fitted} of ${freeBytes}`);
    before = fitted;
  }
  const large = fitLayout(FLEET_LAYOUT, { folder: "/data", freeBytes: 40 * GIB, heldBytes: NEW });
  assert.deepEqual(large, FLEET_LAYOUT);
});

test("a new store that does not fit says how many bytes are needed, and where", () => {
  const disk = { folder: "/data", freeBytes: STORE_NEEDS_BYTES - 2 ** 20, heldBytes: NEW };
  assert.throws(() => fitLayout(FLEET_LAYOUT, disk), {
    code: "unavailable",
    message: /needs 256(\.0)? MiB free on the disk of \/data; it has 255(\.0)? MiB/u,
    hint: /^Free 1\.0 MiB there/u,
  });
});

test("a store that exists goes on with little room, and keeps what it holds", () => {
  const disk = { folder: "/data", freeBytes: 40 * MIB, heldBytes: new Map([["KV_status", 300 * MIB]]) };
  const { buckets } = fitLayout(FLEET_LAYOUT, disk);
  assert.equal(buckets.find(({ name }) => name === "status")?.maxBytes, 301 * MIB);
  assert.ok(buckets.every(({ maxBytes }) => maxBytes >= 8 * MIB));
});
