import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hours, hoursIn, hoursMeet, isWithinHours, minutesLeft } from "./hours.ts";

const parsed = (...written: readonly string[]): readonly Hours[] => written.map((one) => hoursIn(one) as Hours);

describe("hours of the day", () => {
  it("are read as people write them", () => {
    assert.deepEqual(hoursIn("22:00-06:00"), [1320, 360]);
    assert.deepEqual(hoursIn("00:00-24:00"), [0, 1440]);
    for (const wrong of ["", "22-06", "24:00-06:00", "06:00-06:00", "23:60-01:00", "1:00-02:00", "00:00-24:01"])
      assert.equal(hoursIn(wrong), undefined, wrong);
  });

  it("last so long, over midnight too", () => {
    const hours = parsed("22:00-06:00", "12:00-13:30");
    for (const [minute, left] of [
      [1319, 0],
      [1320, 480],
      [0, 360],
      [359.5, 0.5],
      [360, 0],
      [720, 90],
      [810, 0],
    ] as const) {
      assert.equal(minutesLeft(hours, minute), left, `minute ${minute}`);
      assert.equal(isWithinHours(hours, minute), left > 0);
    }
    assert.equal(isWithinHours([], 5), false);
  });

  it("meet, or do not", () => {
    assert.ok(hoursMeet(parsed("22:00-06:00"), parsed("05:59-07:00")));
    assert.ok(hoursMeet(parsed("01:00-02:00"), parsed("22:00-06:00")));
    assert.ok(hoursMeet(parsed("08:00-09:00", "23:00-23:30"), parsed("22:00-06:00")));
    assert.ok(!hoursMeet(parsed("22:00-06:00"), parsed("06:00-22:00")));
  });
});
