import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { WaveSpec } from "./spec.ts";
import { divideDevices, stableOrder } from "./waves.ts";

const WAVE: WaveSpec = { approval: "automatic", dwell: 0 };
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `pi-${index}`);
const divide = (waves: readonly Partial<WaveSpec>[], devices: readonly string[], control = 0) =>
  divideDevices(
    { name: "trial", waves: waves.map((wave) => ({ ...WAVE, ...wave })), control },
    devices,
    (device, { where }) => where === undefined || device.endsWith(where),
  );

void describe("sizes of waves", () => {
  const cases: readonly (readonly [readonly Partial<WaveSpec>[], number, readonly number[]])[] = [
    [[], 7, [7]],
    [[{ count: 2 }], 7, [2, 5]],
    [[{ percent: 0.1 }, { percent: 0.5 }], 10, [1, 4, 5]],
    [[{ percent: 0.01 }], 10, [1, 9]],
    [[{ percent: 1 }], 10, [10]],
    [[{ where: "3" }, { percent: 0.5 }], 20, [2, 8, 10]],
    [[{ count: 100 }], 5, [5]],
  ];
  for (const [waves, count, sizes] of cases) {
    test(`${JSON.stringify(waves)} of ${count}`, () => {
      assert.deepEqual(
        divide(waves, names(count)).waves.map((wave) => wave.length),
        sizes,
      );
    });
  }
});

test("a control group that is asked for has a device, of a few too", () => {
  assert.deepEqual(
    [divide([], names(4), 0.1), divide([], names(40), 0.1), divide([], names(4))].map(({ control }) => control.length),
    [1, 4, 0],
  );
});

void describe("waves that would be empty", () => {
  const cases: readonly (readonly [readonly Partial<WaveSpec>[], number, RegExp])[] = [
    [[{ where: "nobody" }], 5, /^wave 1 has no devices: none is selected by nobody$/u],
    [[{ where: "3" }, { where: "3" }], 9, /^wave 2 has no devices: all 1 that it selects are in waves before it/u],
    [[{ count: 3 }, { percent: 0.2 }], 10, /^wave 2 has no devices: the waves before it have 20% already$/u],
    [[{ where: "x" }, { where: "y" }], 5, /wave 1 .*; wave 2 /u],
    [[], 0, /^no device is left to be changed$/u],
  ];
  for (const [waves, count, message] of cases) {
    test(String(message), () => assert.throws(() => divide(waves, names(count)), { message }));
  }
});

test("every device is in one wave or in the control group, and who is where depends on names and seed alone", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,12}$/u), { minLength: 1, maxLength: 60 }),
      fc.uniqueArray(fc.integer({ min: 1, max: 100 }), { maxLength: 5 }),
      fc.integer({ min: 0, max: 50 }),
      (devices, percents, control) => {
        const waves = percents.toSorted((left, right) => left - right).map((percent) => ({ percent: percent / 100 }));
        let divided: ReturnType<typeof divide>;
        try {
          divided = divide(waves, devices, control / 100);
        } catch {
          return;
        }
        const all = [...divided.waves.flat(), ...divided.control];
        assert.deepEqual(all.toSorted(), devices.toSorted());
        assert.deepEqual(divide(waves, devices.toReversed(), control / 100), divided);
        let before = 0;
        for (const [index, { percent }] of waves.entries()) {
          before += divided.waves[index]?.length ?? 0;
          const total = divided.waves.flat().length;
          assert.ok(before >= percent * total - 1e-6 && before < percent * total + 1, `${before} of ${total}`);
        }
      },
    ),
  );
});

test("names that differ in their last letter are spread over the order", () => {
  const order = stableOrder(names(1_000), "seed");
  const half = order.slice(0, 500).filter((name) => Number(name.slice(3)) < 500).length;
  assert.ok(half > 200 && half < 300, `${half}`);
  assert.notDeepEqual(order, stableOrder(names(1_000), "other"));
});
