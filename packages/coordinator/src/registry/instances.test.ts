import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { doubledCondition, type Instances, type Sighting, sighted } from "./instances.ts";

const HEARTBEAT_MS = 10_000;
const SILENT_MS = 3 * HEARTBEAT_MS;

/** "A0" is a call of instance A at once; "B10" one of B, 10 s after the call before. Machines: B is alone on its own. */
function after(calls: string, before?: Instances, startMs = 0): Instances {
  let atMs = startMs;
  let state = before;
  for (const call of calls.split(" ")) {
    atMs += Number(call.slice(1)) * 1000;
    state = sighted(state, seen(call.slice(0, 1), atMs), SILENT_MS);
  }
  assert.ok(state !== undefined);
  return state;
}

function seen(instanceId: string, lastSeenMs: number): Sighting {
  const isB = instanceId === "B" || instanceId === "b";
  return { instance: { instanceId, machineId: isB ? "m2" : "m1", bootId: isB ? "boot2" : "boot1" }, lastSeenMs };
}

const summary = ({ accepted, other, doubledSinceMs }: Instances): string =>
  [accepted.instance.instanceId, other?.instance.instanceId ?? "-", doubledSinceMs === undefined ? "" : "doubled"]
    .join(" ")
    .trim();

describe("who speaks for a device", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["one agent", "A0 A10 A10", "A -"],
    ["a restart", "A0 B5", "B A"],
    ["a restart, and what was before it is forgotten", "A0 B5 B10 B10 B10", "B -"],
    ["a crash loop", "A0 B1 C1 D1 E1", "E D"],
    ["two in turns: the first is accepted", "A0 B1 A9", "A B doubled"],
    ["two in turns, for long", "A0 B1 A9 B1 A9 B1 A9 B1 A9 B1", "A B doubled"],
    ["the double is restarted", "A0 B1 A9 b1 A1", "A b doubled"],
    ["the accepted one is restarted, on its own boot", "A0 B1 A9 C1 B1", "C B doubled"],
    ["the double falls silent", "A0 B1 A9 A10 A10 A10", "A -"],
    ["the accepted one falls silent", "A0 B1 A9 B1 B10 B10 B10", "B -"],
    ["a board is replaced after a day", "A0 B86400", "B -"],
    ["back after an outage, while another has taken over", "A0 B60 B10 A5 B5", "B A doubled"],
    ["three machines", "A0 B1 C1 A1 C1 A1 B1", "C B doubled"],
  ];
  for (const [what, calls, expected] of cases) it(what, () => assert.equal(summary(after(calls)), expected));

  it("gives words for a person only while it is doubled", () => {
    assert.deepEqual(doubledCondition(undefined, 0), []);
    assert.deepEqual(doubledCondition(after("A0 B1"), 0), []);
    const [condition] = doubledCondition(after("A0 B1 A9"), 12_000);
    assert.equal(condition?.code, "doubled");
    assert.match(
      condition?.message ?? "",
      /machine m1 .*agent A, heard of 2 s ago.*agent B, heard of 11 s ago.*--device/,
    );
  });

  it("whatever was before: restarts are no double, two in turns are, and who is left takes over alone", () => {
    const calls = fc.array(fc.tuple(fc.constantFrom("A", "B", "C", "D"), fc.integer({ min: 0, max: 50 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(calls, (all) => {
        const before = after(all.map(([one, s]) => `${one}${s}`).join(" "));
        const endMs = all.reduce((sum, [, s]) => sum + s * 1000, 0);
        if (before.doubledSinceMs !== undefined) assert.ok(before.other !== undefined);
        assert.notEqual(before.accepted.instance.instanceId, before.other?.instance.instanceId);
        // Every new instance that is not heard of again after the next: a crash loop from a quiet start.
        const quietMs = endMs + SILENT_MS;
        assert.equal(after("V0 W1 X1 Y1 Z1", before, quietMs).doubledSinceMs, undefined);
        const doubled = after("Y0 Z1 Y1 Z1", before, quietMs);
        assert.equal(summary(doubled), "Y Z doubled");
        for (const left of ["Y", "Z"]) {
          const alone = after(Array(5).fill(`${left}10`).join(" "), doubled, quietMs + 3000);
          assert.equal(summary(alone), `${left} -`);
        }
      }),
    );
  });
});
