import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { POOL_ALIGNMENT_BYTES } from "../facts/tensorflow-2.15.ts";
import { ReferencePool } from "../test-support/reference-pool.ts";
import { PoolAllocator } from "./pool-allocator.ts";

const MIB = 1024 * 1024;

/** Allocates, or frees the n-th newest live allocation. */
type Call = { readonly bytes: number } | { readonly freeOf: number };

const size = fc.oneof(
  fc.integer({ min: 0, max: 4 * POOL_ALIGNMENT_BYTES }),
  fc.integer({ min: 1, max: 64 }).map((count) => count * MIB),
  fc.integer({ min: 1, max: 400 * MIB }),
);
const calls: fc.Arbitrary<readonly Call[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: size.map((bytes): Call => ({ bytes })) },
    { weight: 2, arbitrary: fc.nat({ max: 20 }).map((freeOf): Call => ({ freeOf })) },
  ),
  { maxLength: 120 },
);

/** Runs calls on both pools, and `check` after each. */
function play(script: readonly Call[], check: (pool: PoolAllocator, reference: ReferencePool) => void): void {
  const pool = new PoolAllocator();
  const reference = new ReferencePool();
  const live: number[] = [];
  script.forEach((call, id) => {
    if ("bytes" in call) {
      pool.allocate(id, call.bytes);
      reference.allocate(id, call.bytes);
      live.push(id);
    } else if (live.length > 0) {
      const [freed] = live.splice(call.freeOf % live.length, 1) as [number];
      pool.free(freed);
      reference.free(freed);
    }
    check(pool, reference);
  });
}

test("the pool touches as many bytes as a plain model of TensorFlow's allocator, after every call", () => {
  fc.assert(
    fc.property(calls, (script) => {
      play(script, (pool, reference) => assert.equal(pool.touchedBytes, reference.touchedBytes));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("chunks of the model never overlap, are aligned, and free neighbours are one chunk", () => {
  fc.assert(
    fc.property(calls, (script) => {
      play(script, (_pool, reference) => assert.equal(reference.brokenRule(), undefined));
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("touched bytes never shrink, hold all live bytes, and stay when everything is freed", () => {
  fc.assert(
    fc.property(calls, (script) => {
      let before = 0;
      play(script, (pool, reference) => {
        assert.ok(pool.touchedBytes >= before);
        assert.ok(pool.touchedBytes >= reference.liveBytes);
        before = pool.touchedBytes;
      });
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("what was freed is used again, and grows together", () => {
  const pool = new PoolAllocator();
  pool.allocate(1, 10 * MIB);
  pool.allocate(2, 10 * MIB);
  pool.allocate(3, MIB);
  pool.free(1);
  pool.free(2);
  pool.allocate(4, 20 * MIB);
  assert.equal(pool.touchedBytes, 21 * MIB);
  pool.allocate(5, 1);
  assert.equal(pool.touchedBytes, 21 * MIB + 1);
});

test("the smallest free chunk that is large enough is taken, the lower of two equal ones", () => {
  const pool = new PoolAllocator();
  [8, 1, 4, 1, 4, 1].forEach((mebibytes, id) => void pool.allocate(id, mebibytes * MIB));
  for (const id of [0, 2, 4]) pool.free(id);
  pool.allocate(10, 4 * MIB);
  pool.allocate(11, 4 * MIB);
  // Both chunks of 4 are taken now, so 8 fit where they were at first.
  pool.allocate(12, 8 * MIB);
  assert.equal(pool.touchedBytes, 19 * MIB);
});

test("a chunk less than twice the request is handed out whole", () => {
  const whole = new PoolAllocator();
  whole.allocate(1, 6 * MIB);
  whole.allocate(2, MIB);
  whole.free(1);
  whole.allocate(3, 4 * MIB);
  whole.allocate(4, 2 * MIB);
  assert.equal(whole.touchedBytes, 9 * MIB);

  const split = new PoolAllocator();
  split.allocate(1, 8 * MIB);
  split.allocate(2, MIB);
  split.free(1);
  split.allocate(3, 4 * MIB);
  split.allocate(4, 4 * MIB);
  assert.equal(split.touchedBytes, 9 * MIB);
});

test("a chunk that would waste 128 MiB is split", () => {
  const pool = new PoolAllocator();
  pool.allocate(1, 300 * MIB);
  pool.allocate(2, MIB);
  pool.free(1);
  pool.allocate(3, 172 * MIB);
  pool.allocate(4, 128 * MIB);
  assert.equal(pool.touchedBytes, 301 * MIB);
});

test("a pool without room says so, and freeing what nobody holds changes nothing", () => {
  const pool = new PoolAllocator(MIB);
  pool.free(7);
  pool.allocate(1, MIB);
  assert.throws(() => pool.allocate(2, 1), RangeError);
  pool.free(1);
  pool.free(1);
  pool.allocate(2, MIB);
  assert.equal(pool.touchedBytes, MIB);
});
