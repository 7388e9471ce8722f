import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { BatchFeed, type Samples } from "./batches.ts";
import type { TrainingRun } from "./task.ts";

const SHAPE = [4, 5, 2];
const SIZE = 40;
type FeedRun = Pick<TrainingRun, "seed" | "shuffle" | "augmentation">;
const IN_ORDER: FeedRun = { seed: 1, shuffle: false, augmentation: "none" };

/** Sample `i` is full of `i + 1`, and has label `i`. */
function numbered(count: number): Required<Samples> {
  const images = Float32Array.from({ length: count * SIZE }, (_, index) => Math.floor(index / SIZE) + 1);
  return { images, labels: Int32Array.from({ length: count }, (_, index) => index), count };
}

function feedOf(samples: Samples, run: FeedRun, microBatch = 2): BatchFeed {
  return new BatchFeed(samples, SHAPE, { microBatch }, run);
}

function labelsOf(feed: BatchFeed, microBatches: number): number[] {
  return Array.from({ length: microBatches }, () => [...feed.next().labels]).flat();
}

test("a feed without shuffling goes round in the given order, across the end", () => {
  assert.deepEqual(labelsOf(feedOf(numbered(3), IN_ORDER), 4), [0, 1, 2, 0, 1, 2, 0, 1]);
});

test("micro-batches are images with their labels, the same samples whatever their size", () => {
  const run = { ...IN_ORDER, shuffle: true };
  const feed = feedOf(numbered(9), run);
  for (let micro = 0; micro < 10; micro++) {
    const { images, labels, count } = feed.next();
    assert.equal(count, 2);
    assert.equal(images.length, 2 * SIZE);
    labels.forEach((label, position) => {
      assert.ok(images.subarray(position * SIZE, (position + 1) * SIZE).every((value) => value === label + 1));
    });
  }
  assert.deepEqual(labelsOf(feedOf(numbered(9), run, 1), 12), labelsOf(feedOf(numbered(9), run, 4), 3));
});

test("a shuffling feed visits each sample once an epoch, in an order that the seed decides", () => {
  const orderOf = (seed: number): number[] => labelsOf(feedOf(numbered(8), { ...IN_ORDER, shuffle: true, seed }), 8);
  const order = orderOf(3);
  const all = [0, 1, 2, 3, 4, 5, 6, 7];
  const epochs = [order.slice(0, 8), order.slice(8)];
  for (const epoch of epochs) assert.deepEqual([...epoch].sort(), all);
  assert.notDeepEqual(epochs[0], epochs[1]);
  assert.deepEqual(orderOf(3), order);
  assert.notDeepEqual(orderOf(4), order);
});

test("samples without labels get -1", () => {
  const { images, count } = numbered(4);
  assert.deepEqual(labelsOf(feedOf({ images, count }, IN_ORDER), 2), [-1, -1, -1, -1]);
});

test("a feed uses its buffer again", () => {
  const feed = feedOf(numbered(8), { ...IN_ORDER, augmentation: "shiftFlip" });
  const first = feed.next();
  const second = feed.next();
  assert.equal(first.images.buffer, second.images.buffer);
  assert.equal(first.images.byteOffset, second.images.byteOffset);
  assert.equal(first.labels.buffer, second.labels.buffer);
});

test("the augmentation shifts by at most 2 pixels, mirrors, pads with zeros, and the seed decides", () => {
  // Each pixel has a value of its own; channel 1 is the negative of channel 0.
  const image = Float32Array.from({ length: SIZE }, (_, i) => (i % 2 === 0 ? i / 2 + 1 : -((i - 1) / 2 + 1)));
  const samples = { images: image, count: 1 };
  const run: FeedRun = { ...IN_ORDER, augmentation: "shiftFlip", seed: 5 };
  const feed = feedOf(samples, run, 1);
  const again = feedOf(samples, run, 1);
  const seen = new Set<string>();
  for (let draw = 0; draw < 400; draw++) {
    const { images } = feed.next();
    assert.deepEqual(images, again.next().images);
    seen.add(variantOf(images, image));
  }
  assert.equal(seen.size, 5 * 5 * 2);
});

/** Name of the shift and flip that made it; fails when it is neither. */
function variantOf(result: Float32Array, image: Float32Array): string {
  for (const isMirrored of [false, true]) {
    for (let down = -2; down <= 2; down++) {
      for (let right = -2; right <= 2; right++) {
        const expected = shifted(image, down, right, isMirrored);
        if (expected.every((value, index) => value === result[index])) return `${down},${right},${isMirrored}`;
      }
    }
  }
  return assert.fail(`no shift and flip makes ${result.join()}`);
}

function shifted(image: Float32Array, down: number, right: number, isMirrored: boolean): Float32Array {
  const [height, width, channels] = SHAPE as [number, number, number];
  return image.map((_, index) => {
    const channel = index % channels;
    const x = (Math.floor(index / channels) % width) - right;
    const y = Math.floor(index / channels / width) - down;
    if (x < 0 || x >= width || y < 0 || y >= height) return 0;
    return image[(y * width + (isMirrored ? width - 1 - x : x)) * channels + channel] ?? 0;
  });
}

test("a feed of no samples is refused", () => {
  assert.throws(
    () => feedOf({ images: new Float32Array(0), count: 0 }, IN_ORDER),
    (error: unknown) => error instanceof MpoError && error.code === "invalid-argument",
  );
});
