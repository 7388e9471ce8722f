import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MpoError } from "../facts/mpo-error.ts";
import { persistentSchedules, simulate } from "../test-support/rotor-brute-force.ts";
import { RotorTable, type RotorUnit } from "./rotor.ts";

/** Whole numbers of bytes and a table of one slot a byte, so that rounding plays no part. */
const chains: fc.Arbitrary<readonly RotorUnit[]> = fc
  .record({
    input: fc.integer({ min: 1, max: 8 }),
    units: fc.array(
      fc.record({
        forwardMs: fc.integer({ min: 1, max: 20 }),
        output: fc.integer({ min: 1, max: 8 }),
        interior: fc.integer({ min: 0, max: 20 }),
        dropWork: fc.integer({ min: 0, max: 10 }),
        keepWork: fc.integer({ min: 0, max: 10 }),
        backwardWork: fc.integer({ min: 0, max: 12 }),
        readsOutput: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  })
  .map(({ input, units }) =>
    units.map((unit, index): RotorUnit => {
      const inputBytes = units[index - 1]?.output ?? input;
      const held = unit.readsOutput ? unit.output : 0;
      return {
        forwardMs: unit.forwardMs,
        inputBytes,
        outputBytes: unit.output,
        savedBytes: unit.output + unit.interior,
        dropPeakBytes: unit.output + unit.dropWork,
        keepPeakBytes: unit.output + unit.interior + unit.keepWork,
        againPeakBytes: held + unit.interior + unit.keepWork,
        backwardPeakBytes: unit.output + unit.interior + unit.output + inputBytes + unit.backwardWork,
        heldOutputBytes: held,
      };
    }),
  );

/** So many slots that one slot is one byte. */
function exactTable(units: readonly RotorUnit[]): RotorTable {
  const probe = new RotorTable(units, 1000);
  const storeAll = Math.round(probe.slotBytes * (1000 - units.length - 4));
  const table = new RotorTable(units, storeAll + units.length + 4);
  assert.ok(Math.abs(table.slotBytes - 1) < 1e-9);
  return table;
}

test("RotorTable finds the best of all persistent schedules, at every budget and from every start", () => {
  fc.assert(
    fc.property(chains, (units) => {
      const table = exactTable(units);
      for (let first = 0; first < units.length; first++) {
        const known = persistentSchedules(first, units.length - 1).map((actions) => simulate(units, actions));
        for (let budget = 0; budget <= table.slots; budget += 3) {
          const best = Math.min(
            Number.POSITIVE_INFINITY,
            ...known.filter(({ peakBytes }) => peakBytes <= budget).map(({ forwardMs }) => forwardMs),
          );
          const actions = table.schedule(budget, first);
          const found = actions === undefined ? Number.POSITIVE_INFINITY : simulate(units, actions).forwardMs;
          assert.equal(found, best, `from unit ${first} in ${budget} B`);
        }
      }
    }),
    { seed: 1, numRuns: 60 },
  );
});

test("RotorTable's schedules keep their budget", () => {
  fc.assert(
    fc.property(chains, fc.integer({ min: 8, max: 60 }), (units, slots) => {
      const table = new RotorTable(units, slots);
      for (const budget of table.breakpoints()) {
        const actions = table.schedule(budget);
        assert.ok(actions !== undefined);
        const { peakBytes } = simulate(units, actions);
        assert.ok(peakBytes <= budget + 1e-6, `${peakBytes} B of ${budget} B`);
      }
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("RotorTable recomputes nothing when everything fits, and knows when nothing fits", () => {
  fc.assert(
    fc.property(chains, (units) => {
      const table = new RotorTable(units, 100);
      const all = table.schedule(table.slotBytes * table.slots);
      assert.equal(all?.length, 2 * units.length);
      assert.equal(table.schedule(0), undefined);
    }),
    { seed: 3, numRuns: 100 },
  );
});

test("RotorTable refuses chains too long for its choices", () => {
  const unit: RotorUnit = {
    forwardMs: 1,
    inputBytes: 1,
    outputBytes: 1,
    savedBytes: 1,
    dropPeakBytes: 1,
    keepPeakBytes: 1,
    againPeakBytes: 1,
    backwardPeakBytes: 1,
    heldOutputBytes: 0,
  };
  assert.throws(() => new RotorTable(new Array<RotorUnit>(251).fill(unit), 4), MpoError);
});
