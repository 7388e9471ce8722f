import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "../facts/mpo-error.ts";
import { entropy, labelFreeAccuracy, meanPrediction } from "./label-free.ts";

const near = (actual: number, expected: number, tolerance = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} for ${expected}`);
/** One-hot, softened. */
const sure = (label: number, classes = 4): readonly number[] =>
  Array.from({ length: classes }, (_, index) => (index === label ? 0.97 : 0.03 / (classes - 1)));

test("entropy and mean prediction", () => {
  near(entropy([0.25, 0.25, 0.25, 0.25]), Math.log(4));
  near(entropy([1, 0]), 0);
  assert.deepEqual(
    meanPrediction([
      [1, 0],
      [0, 1],
    ]),
    [0.5, 0.5],
  );
  assert.throws(() => meanPrediction([]), MpoError);
});

test("what is left under dropout to the named class is accuracy, and a collapse is exposed", () => {
  const diverse = [0, 1, 2, 3].map((label) => sure(label));
  near(labelFreeAccuracy(diverse, [diverse, diverse]), 0.97);
  const unsure = [0, 1, 2, 3].map((label) => sure(label).map((share) => (share + 0.25) / 2));
  near(labelFreeAccuracy(diverse, [unsure]), 0.61);
  const halfFlipped = [0, 1, 3, 2].map((label) => sure(label));
  const partly = labelFreeAccuracy(diverse, [halfFlipped]);
  assert.ok(partly > 0.3 && partly < 0.6, String(partly));
  const collapsed = [0, 0, 0, 0].map((label) => sure(label));
  const oneOff = [sure(0), sure(0), sure(0), sure(1)];
  near(labelFreeAccuracy(collapsed, [oneOff]), 0.25, 0.3);
  assert.ok(
    labelFreeAccuracy(collapsed, [oneOff]) < labelFreeAccuracy(diverse, [[sure(0), sure(1), sure(2), sure(2)]]),
  );
  near(
    labelFreeAccuracy(
      [
        [1, 0],
        [1, 0],
      ],
      [
        [
          [1, 0],
          [1, 0],
        ],
      ],
    ),
    0.5,
  );
  assert.throws(() => labelFreeAccuracy([], []), MpoError);
});
