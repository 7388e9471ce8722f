import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { configOf, ladder } from "../test-support/ladder.ts";
import { chooseRung, isHopeless } from "./choose-rung.ts";
import { isFeasible, markInfeasible } from "./infeasible-configs.ts";

describe("the rung", () => {
  const rungs = ladder(100, 200, 300);
  const base = { rungs, chosenRung: 2, infeasible: {} };

  it("is the highest that fits, and climbs only with room to spare", () => {
    const cases: readonly (readonly [number, number | undefined, number | undefined])[] = [
      [1_000, undefined, 2],
      [300, undefined, 2],
      [299, undefined, 1],
      [99, undefined, undefined],
      [310, 1, 1],
      [330, 1, 2],
      [300, 2, 2],
      [150, 2, 0],
    ];
    for (const [memoryBytes, current, expected] of cases) {
      const now = current === undefined ? {} : { current };
      assert.equal(chooseRung({ ...base, memoryBytes, ...now }), expected, `${memoryBytes} from ${current}`);
    }
  });

  it("never needs more than is free, never passes the chosen one, and never is a failed one", () => {
    fc.assert(
      fc.property(
        fc.nat(500),
        fc.nat(2),
        fc.option(fc.nat(2), { nil: undefined }),
        fc.nat(2),
        (free, chosenRung, current, failed) => {
          const infeasible = markInfeasible({}, configOf(2 ** (failed + 1)), free);
          const now = current === undefined ? {} : { current };
          const rung = chooseRung({ rungs, chosenRung, memoryBytes: free, infeasible, ...now });
          if (rung === undefined) return;
          assert.ok(rung <= chosenRung && rung !== failed);
          assert.ok((rungs[rung]?.memoryBytes.upper ?? 0) <= free);
        },
      ),
    );
  });

  it("failed ones come back with more memory, and a ladder of failed ones is hopeless", () => {
    let marks = markInfeasible({}, configOf(2), 100);
    marks = markInfeasible(marks, configOf(2), 80);
    assert.equal(isFeasible(marks, configOf(2), 105), false);
    assert.equal(isFeasible(marks, configOf(2), 120), true);
    assert.equal(isFeasible(marks, configOf(4), 1), true);
    for (const size of [4, 8]) marks = markInfeasible(marks, configOf(size), 1_000);
    assert.equal(isHopeless({ ...base, infeasible: marks }, 1_000), false);
    assert.equal(isHopeless({ ...base, infeasible: marks }, 105), true);
  });
});
