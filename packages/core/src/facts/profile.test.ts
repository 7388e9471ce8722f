import assert from "node:assert/strict";
import { test } from "node:test";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { emptyProfile } from "../test-support/tiny-profile.ts";
import { MpoError, type MpoErrorCode } from "./mpo-error.ts";
import { type Profile, profileAgeMs, validateProfile } from "./profile.ts";
import { NOTHING_FROZEN } from "./retrain-config.ts";

const good: Profile = emptyProfile(tinyChain(), {
  unitTimes: [
    { unit: 0, microBatch: 4, forwardMs: [1, 1.1], backwardMs: [2] },
    { unit: 0, microBatch: 8, forwardMs: [2], backwardMs: [4] },
  ],
  steps: [
    {
      config: {
        microBatch: 4,
        accumulation: 2,
        freezing: NOTHING_FROZEN,
        checkpoints: { kind: "schedule", actions: [{ kind: "forward", unit: 0, keep: "all" }] },
      },
      plannedBytes: 100,
      peakBytes: 120,
      stepMs: [4, 5],
    },
  ],
  updates: [{ parameterBytes: 100, updateMs: [0.1], accumulateMs: [] }],
  accuracy: [
    {
      freezing: NOTHING_FROZEN,
      microBatch: 4,
      judge: "labels",
      startAccuracy: 0.5,
      points: [
        { steps: 2, accuracy: 0.6 },
        { steps: 4, accuracy: 0.65 },
      ],
      judgedSamples: 500,
    },
  ],
});

/** The good profile as it comes from a file, with one field changed. */
function edited(edit: (profile: Record<string, unknown>) => void): unknown {
  const copy = JSON.parse(JSON.stringify(good)) as Record<string, unknown>;
  edit(copy);
  return copy;
}

test("validateProfile returns what was written", () => {
  assert.deepEqual(validateProfile(edited(() => undefined)), good);
});

test("validateProfile names the field that is wrong", () => {
  const at = (profile: Record<string, unknown>, list: string, index: number): Record<string, unknown> =>
    (profile[list] as Record<string, unknown>[])[index] as Record<string, unknown>;
  const cases: readonly { edit: (profile: Record<string, unknown>) => void; message: RegExp; code?: MpoErrorCode }[] = [
    { edit: (p) => delete p["steps"], message: /profile\.steps is absent; expected a list of 0 to 512/ },
    { edit: (p) => delete p["spent"], message: /profile\.spent is absent; expected an object/ },
    {
      edit: (p) => {
        p["idleBytes"] = -1;
      },
      message: /profile\.idleBytes is -1; expected a number from 0 to/,
    },
    {
      edit: (p) => {
        p["idleBytes"] = Number.NaN;
      },
      message: /profile\.idleBytes is NaN/,
    },
    {
      edit: (p) => {
        p["effectiveBatch"] = 2.5;
      },
      message: /effectiveBatch is 2.5; expected a whole number/,
    },
    {
      edit: (p) => {
        at(p, "unitTimes", 0)["forwardMs"] = [null];
      },
      message: /unitTimes\[0\]\.forwardMs\[0\] is null/,
    },
    {
      edit: (p) => {
        at(p, "unitTimes", 0)["forwardMs"] = [];
      },
      message: /forwardMs is a list of 0; expected a list of 1 to 64/,
    },
    {
      edit: (p) => {
        at(p, "unitTimes", 0)["unit"] = 9;
      },
      message: /unitTimes\[0\]\.unit is 9; expected a unit of the model's 4/,
    },
    {
      edit: (p) => {
        at(p, "unitTimes", 1)["forwardMs"] = [0.1];
      },
      message: /unitTimes\[1\]\.forwardMs is 0\.1; expected at least half of the 1\.05 at micro-batch 4/,
    },
    {
      edit: (p) => {
        at(p, "steps", 0)["config"] = { microBatch: 0 };
      },
      message: /steps\[0\]\.config\.microBatch is 0/,
    },
    {
      edit: (p) => {
        at(p, "accuracy", 0)["judge"] = "oracle";
      },
      message: /judge is "oracle"; expected one of labels, label-free/,
    },
    {
      edit: (p) => {
        at(p, "accuracy", 0)["points"] = [
          { steps: 3, accuracy: 0.5 },
          { steps: 3, accuracy: 0.6 },
        ];
      },
      message: /points\[1\]\.steps is 3; expected more than the 3/,
    },
    {
      edit: (p) => {
        p["version"] = 9;
      },
      message: /profile\.version is 9; this release reads 2/,
      code: "precondition-failed",
    },
  ];
  for (const { edit, message, code = "invalid-data" } of cases) {
    assert.throws(
      () => validateProfile(edited(edit)),
      (error: unknown) => error instanceof MpoError && error.code === code && message.test(error.message),
      String(message),
    );
  }
  for (const value of [null, 3, "profile", []]) assert.throws(() => validateProfile(value), MpoError);
});

test("validateProfile refuses a profile of something else", () => {
  const cases = [
    { expected: { graphDigest: "other" }, message: /of model d1.*, but other was asked for/ },
    { expected: { deviceClass: "jetson" }, message: /of device class test, but jetson was asked for/ },
    { expected: { engine: "9" }, message: /of engine 0.1.0, but 9 was asked for/ },
  ];
  for (const { expected, message } of cases) {
    assert.throws(
      () =>
        validateProfile(
          edited(() => undefined),
          expected,
        ),
      (error: unknown) =>
        error instanceof MpoError && error.code === "precondition-failed" && message.test(error.message),
    );
  }
});

test("profileAgeMs is never negative", () => {
  assert.equal(profileAgeMs(good, good.measuredAtMs + 5), 5);
  assert.equal(profileAgeMs(good, good.measuredAtMs - 5), 0);
});
