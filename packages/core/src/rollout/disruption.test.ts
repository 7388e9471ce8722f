import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mostUnavailable, starvedGroups } from "./disruption.ts";

void describe("devices that may be away at once", () => {
  const cases = [
    [{ maxUnavailable: { count: 2 } }, 10, 2],
    [{ maxUnavailable: { share: 0.1 } }, 10, 1],
    [{ maxUnavailable: { share: 0.1 } }, 9, 0],
    [{ minAvailable: { count: 8 } }, 10, 2],
    [{ minAvailable: { count: 10 } }, 10, 0],
    [{ minAvailable: { share: 0.9 } }, 10, 1],
    [{ minAvailable: { share: 0.9 } }, 5, 0],
    [{ minAvailable: { count: 3 } }, 2, -1],
  ] as const;
  for (const [disruption, size, most] of cases) {
    test(`${JSON.stringify(disruption)} of ${size}: ${most}`, () =>
      assert.equal(mostUnavailable(disruption, size), most));
  }
});

test("groups of which no device could ever be changed are named", () => {
  const sizes = new Map([
    ["berlin", 20],
    ["kiel", 2],
  ]);
  assert.deepEqual(starvedGroups({ by: "site", maxUnavailable: { share: 0.1 } }, sizes), [["kiel", 2]]);
});
