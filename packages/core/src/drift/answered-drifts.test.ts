import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnsweredDrift, MOST_ANSWERED_BYTES, MOST_ANSWERED_DRIFTS, withAnswered } from "./answered-drifts.ts";
import { NEAR_DISTANCE, SIGNATURE_LENGTH } from "./drift-signature.ts";

const driftAt = (place: number, bytes = 4): AnsweredDrift => ({
  signature: Array.from({ length: SIGNATURE_LENGTH }, (_, at) => (at === 0 ? place : 0)),
  parameters: new Uint8Array(bytes),
});

void test("a drift that is answered again takes the place of what was learned of it before", () => {
  const [first, other] = [driftAt(0), driftAt(1)];
  const again = driftAt(NEAR_DISTANCE / 2);
  assert.deepEqual(withAnswered([], first), [first]);
  assert.deepEqual(withAnswered([first], other), [other, first]);
  assert.deepEqual(withAnswered([other, first], again), [again, other]);
});

void test("the oldest drifts go where there are too many, or too many bytes", () => {
  let remembered: readonly AnsweredDrift[] = [];
  for (let place = 0; place < MOST_ANSWERED_DRIFTS + 3; place++) remembered = withAnswered(remembered, driftAt(place));
  assert.equal(remembered.length, MOST_ANSWERED_DRIFTS);
  assert.equal(remembered[0]?.signature[0], MOST_ANSWERED_DRIFTS + 2);
  const third = Math.floor(MOST_ANSWERED_BYTES / 3);
  const large = [1, 2, 3, 4].reduce<readonly AnsweredDrift[]>(
    (all, place) => withAnswered(all, driftAt(place, third)),
    [],
  );
  assert.deepEqual(
    large.map(({ signature }) => signature[0]),
    [4, 3, 2],
  );
  assert.deepEqual(withAnswered(large, driftAt(9, MOST_ANSWERED_BYTES + 1)), []);
});
