import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAge, formatDuration, formatLeft, formatMs, formatPoints, formatShare } from "./format-figures.ts";

describe("formats for people", () => {
  const cases = [
    [formatDuration(0.4), "0 s"],
    [formatDuration(59.6), "1 min 00 s"],
    [formatDuration(185), "3 min 05 s"],
    [formatDuration(7800), "2 h 10 min"],
    [formatDuration(7 * 86_400), "7 d"],
    [formatShare(0.9134), "91.3 %"],
    [formatPoints(0.031), "+3.1"],
    [formatPoints(-0.004), "-0.4"],
    [formatPoints(0), "+0.0"],
    [formatAge(-5_000), "0 s ago"],
    [formatLeft(39_100), "40 s"],
    [formatLeft(60_001), "2 min"],
    [formatAge(3_900), "3 s ago"],
    [formatAge(60_000), "1 min ago"],
    [formatAge(26 * 3_600_000), "1 d ago"],
    [formatMs(0.42), "0.42 ms"],
    [formatMs(131.4), "131 ms"],
    [formatMs(4_200), "4.2 s"],
    [formatMs(185_000), "3 min 05 s"],
  ] as const;
  for (const [shown, expected] of cases) it(expected, () => assert.equal(shown, expected));
});
