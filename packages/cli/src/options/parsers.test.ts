import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidArgumentError } from "commander";
import {
  durationInMs,
  durationOrNoneInMs,
  listed,
  momentInMs,
  numberBetween,
  type OptionParser,
  sizeInBytes,
  wholeNumber,
  wholeNumbers,
} from "./parsers.ts";

interface Case {
  readonly what: string;
  readonly parse: OptionParser<unknown>;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
}

const CASES: readonly Case[] = [
  {
    what: "wholeNumber(1, 9)",
    parse: wholeNumber(1, 9),
    good: [
      ["1", 1],
      ["9", 9],
    ],
    bad: ["0", "10", "1.5", "-1", "", "x", "1e0", " 1", "99999999999999999999"],
  },
  {
    what: "numberBetween(0, 1)",
    parse: numberBetween(0, 1),
    good: [
      ["0", 0],
      ["0.5", 0.5],
      [".25", 0.25],
      ["1e-3", 0.001],
    ],
    bad: ["-0.1", "1.1", "NaN", "Infinity", "half", "", "0x1"],
  },
  {
    what: "wholeNumbers(0)",
    parse: wholeNumbers(0),
    good: [
      ["0,3,7", [0, 3, 7]],
      ["4", [4]],
      ["1, 2", [1, 2]],
    ],
    bad: ["", "1,,2", "1,x", "-1", "1.5"],
  },
  {
    what: "sizeInBytes()",
    parse: sizeInBytes,
    good: [
      ["150MiB", 150 * 2 ** 20],
      ["1.5 GiB", 1.5 * 2 ** 30],
      ["200mb", 200e6],
      ["1B", 1],
    ],
    bad: ["150", "MiB", "-1MiB", "1TiB", "0MiB", "1e3MiB", "", "constructor"],
  },
  {
    what: "listed(sizeInBytes)",
    parse: listed(sizeInBytes),
    good: [
      ["1KiB", [1024]],
      ["1KiB, 2KB", [1024, 2000]],
    ],
    bad: ["", "1KiB,", "1KiB,2"],
  },
  {
    what: "durationOrNoneInMs()",
    parse: durationOrNoneInMs,
    good: [
      ["0s", 0],
      ["0ms", 0],
      ["30s", 30_000],
    ],
    bad: ["0", "none", "-1s", "0.2ms"],
  },
  {
    what: "durationInMs()",
    parse: durationInMs,
    good: [
      ["500ms", 500],
      ["60s", 60_000],
      ["15min", 900_000],
      ["1.5h", 5_400_000],
    ],
    bad: ["60", "s", "-1s", "1 fortnight", "0s", ""],
  },
  {
    what: "momentInMs()",
    parse: momentInMs,
    good: [
      ["2026-03-01", Date.UTC(2026, 2, 1)],
      ["2026-03-01T12:30", Date.UTC(2026, 2, 1, 12, 30)],
      ["2026-03-01 12:30:05", Date.UTC(2026, 2, 1, 12, 30, 5)],
      ["2026-03-01T12:30+02:00", Date.UTC(2026, 2, 1, 10, 30)],
      ["2026-03-01T12:30:05.250Z", Date.UTC(2026, 2, 1, 12, 30, 5, 250)],
    ],
    bad: ["yesterday", "2026", "2026-13-01", "2026-03-01T25:00", "12:30", "3", ""],
  },
];

for (const { what, parse, good, bad } of CASES) {
  describe(what, () => {
    for (const [text, value] of good) it(`reads ${text}`, () => assert.deepEqual(parse(text), value));
    for (const text of bad) {
      it(`refuses ${JSON.stringify(text)} and says what is expected`, () => {
        assert.throws(
          () => parse(text),
          (thrown) => thrown instanceof InvalidArgumentError && /^Expected /u.test(thrown.message),
        );
      });
    }
  });
}
