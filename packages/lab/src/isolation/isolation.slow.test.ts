import assert from "node:assert/strict";
import { test } from "node:test";
import { measureIsolation } from "./measure-isolation.ts";
import { measureKiller } from "./measure-killer.ts";

test("jobs that take more than their cap are ended, and the program that serves beside them lives", {
  timeout: 200_000,
}, async () => {
  const kinds = ["pool", "outside", "pool"] as const;
  const result = await measureIsolation({ tries: 3, kinds, aloneMs: 100, cpuShare: "equal" });
  assert.deepEqual(result.ends, { "over-memory-cap": 3 });
  assert.equal(result.deaths, 0);
  assert.ok(result.beside.requests > 0, "it served while they ran");
});

test("when memory runs out for all, the system takes the job and not the program that serves", {
  timeout: 200_000,
}, async (t) => {
  const result = await measureKiller(1);
  if (result === "no-group") return t.skip("no memory control group can be made here");
  assert.deepEqual(result.ends, { "worker-killed": 1 });
  assert.ok(result.kills > 0, "the memory killer had to choose");
  assert.equal(result.deaths, 0);
});
