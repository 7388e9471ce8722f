import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CorruptionName, corrupt, createRandom, type ImageSet, sliceImages } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import fc from "fast-check";
import { DEFAULT_DRIFT_LIMITS, DRIFT_START, type DriftState, hasReference, watchInputs } from "./drift-detector.ts";
import { type InputSummary, summarise } from "./input-summary.ts";
import { PAGE_HINKLEY_START, pageHinkley } from "./page-hinkley.ts";
import { populationStability } from "./population-stability.ts";

const BATCH = 32;

function batches(set: ImageSet): readonly ImageSet[] {
  return Array.from({ length: Math.floor(set.count / BATCH) }, (_, index) =>
    sliceImages(set, index * BATCH, (index + 1) * BATCH),
  );
}

function feed(
  state: DriftState,
  summaries: readonly InputSummary[],
): { state: DriftState; signs: Set<string>; after: number } {
  const signs = new Set<string>();
  let after = -1;
  for (const [index, summary] of summaries.entries()) {
    const verdict = watchInputs(state, summary, DEFAULT_DRIFT_LIMITS);
    state = verdict.state;
    for (const sign of verdict.signs) signs.add(sign);
    if (verdict.signs.length > 0 && after < 0) after = index;
  }
  return { state, signs, after };
}

describe("the detector on images", () => {
  const clean = syntheticImages({ count: 1600, height: 16, width: 16, channels: 3, seed: 5 });
  const summaries = batches(clean).map((set) => summarise(set, undefined));
  const reference = feed(DRIFT_START, summaries.slice(0, 8)).state;

  it("has its reference after enough inputs, and stays quiet on more of the same", () => {
    assert.equal(hasReference(reference, DEFAULT_DRIFT_LIMITS), true);
    assert.deepEqual([...feed(reference, summaries.slice(8)).signs], []);
  });

  it("stays quiet with any seed", () => {
    for (let seed = 100; seed < 110; seed++) {
      const set = syntheticImages({ count: 1200, height: 8, width: 8, channels: 1, seed });
      const { signs } = feed(
        DRIFT_START,
        batches(set).map((batch) => summarise(batch, undefined)),
      );
      assert.deepEqual([...signs], [], `seed ${seed}`);
    }
  });

  const drifted = sliceImages(clean, 256, 512);
  for (const name of ["gaussian_noise", "brightness", "contrast", "fog", "defocus_blur"] as readonly CorruptionName[]) {
    it(`notices ${name} within a few batches`, async () => {
      const set = await corrupt(drifted, name, 5, 3);
      const { after, signs } = feed(
        reference,
        batches(set).map((batch) => summarise(batch, undefined)),
      );
      assert.ok(after >= 0 && after < 6, `after ${after}: ${[...signs].join()}`);
    });
  }
});

describe("the detector on predictions", () => {
  const summary = (entropy: number): InputSummary => ({
    count: BATCH,
    features: { brightness: 0.5, contrast: 0.2, detail: 0.1 },
    texture: { coarse: 0.1, column: 0.1, bend: 0.1 },
    intensities: new Array<number>(16).fill(10),
    predictionEntropy: entropy,
    confidences: [0.9],
  });

  it("notices a model that becomes unsure, and nothing else", () => {
    const random = createRandom(1);
    const reference = feed(
      DRIFT_START,
      Array.from({ length: 8 }, () => summary(0.2 + 0.02 * random.gaussian())),
    ).state;
    const calm = feed(
      reference,
      Array.from({ length: 200 }, () => summary(0.2 + 0.02 * random.gaussian())),
    );
    assert.deepEqual([...calm.signs], []);
    const unsure = feed(
      calm.state,
      Array.from({ length: 6 }, () => summary(0.4)),
    );
    assert.deepEqual([...unsure.signs], ["entropy"]);
    assert.equal(reference.confidences.length, 8);
  });

  it("sums up predictions as shares of the largest entropy", () => {
    const images = { images: new Float32Array(8), count: 2, height: 2, width: 2, channels: 1 };
    const { predictionEntropy, confidences } = summarise(images, Float32Array.of(0.5, 0.5, 1, 0));
    assert.equal(predictionEntropy, 0.5);
    assert.deepEqual(confidences, [0.5, 1]);
    assert.equal(summarise(images, Float32Array.of(1, 2, 3)).predictionEntropy, undefined);
  });

  it("its state survives being written down", () => {
    const { state } = feed(
      DRIFT_START,
      Array.from({ length: 9 }, () => summary(0.2)),
    );
    const again = JSON.parse(JSON.stringify(state)) as DriftState;
    assert.deepEqual(
      watchInputs(again, summary(0.3), DEFAULT_DRIFT_LIMITS),
      watchInputs(state, summary(0.3), DEFAULT_DRIFT_LIMITS),
    );
  });
});

describe("the tests behind it", () => {
  it("Page-Hinkley tells a rise of the mean, never a fall", () => {
    const run = (values: readonly number[]): number => {
      let state = PAGE_HINKLEY_START;
      for (const [index, value] of values.entries()) {
        const next = pageHinkley(state, value, { tolerance: 0.1, threshold: 2 });
        if (next.hasRisen) return index;
        state = next.state;
      }
      return -1;
    };
    const level = (count: number, value: number): readonly number[] => new Array<number>(count).fill(value);
    assert.equal(run([...level(50, 1), ...level(50, 0)]), -1);
    const at = run([...level(50, 0), ...level(20, 1)]);
    assert.ok(at >= 51 && at <= 54, String(at));
  });

  it("population stability is never negative, symmetric, and 0 for equal shares", () => {
    const histogram = fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(histogram, histogram, (left, right) => {
        const there = populationStability(left, right);
        assert.ok(there >= 0 && Math.abs(there - populationStability(right, left)) < 1e-9);
        assert.ok(
          populationStability(
            left,
            left.map((count) => count * 3),
          ) < 1e-9,
        );
      }),
    );
  });
});
