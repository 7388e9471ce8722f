import assert from "node:assert/strict";
import { test } from "node:test";
import { skip } from "@mpo/transport/testing";
import { FAULTS, faultSchedule } from "./fault-draws.ts";
import { killCount, runKills } from "./kill-run.ts";
import { killSchedule, VICTIMS } from "./kill-schedule.ts";

test("a seed draws the same kills again, of every kind", () => {
  const kills = killSchedule(7, 200);
  assert.deepEqual(killSchedule(7, 200), kills);
  for (const victim of VICTIMS) assert.ok(kills.filter((one) => one.victim === victim).length > 20, victim);
});

test("a seed draws the same faults again, each kind before any comes twice", () => {
  const names = (): readonly string[] => faultSchedule(7, 2 * FAULTS.length).map(({ fault }) => fault.name);
  assert.deepEqual(names(), names());
  assert.equal(new Set(names().slice(0, FAULTS.length)).size, FAULTS.length);
});

// The long run is `npm run test:faults`.
test("kill -9 of coordinators, nats-server, agents and workers loses nothing and doubles nothing", {
  skip,
}, async (t) => {
  const report = await runKills({ seed: 2, cycles: 5, maxMs: 150_000, signal: t.signal });
  assert.deepEqual(report.problems, []);
  assert.equal(killCount(report), 5);
  for (const victim of VICTIMS) assert.ok(report.kills[victim] > 0, victim);
  assert.ok(report.acknowledged > 0 && report.applied > 0);
  t.diagnostic(JSON.stringify(report));
});
