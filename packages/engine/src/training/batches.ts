import { MpoError, type RetrainConfig } from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import type { TrainingRun } from "./task.ts";

/** Images and labels as a worker holds them. */
export interface Samples {
  /** float32 `[count, ...shape]`, row-major. */
  readonly images: Float32Array;
  readonly labels?: Int32Array;
  readonly count: number;
}

/** The first `most` samples, or all if there are fewer; views, not copies. */
export function firstSamples(samples: Samples, most: number): Samples {
  return samples.count <= most ? samples : samplesFrom(samples, 0, most);
}

/** At most so many samples from a place on, in the same memory. */
export function samplesFrom({ images, labels, count }: Samples, from: number, most: number): Samples {
  const size = images.length / count;
  const until = Math.min(count, from + most);
  return {
    images: images.subarray(from * size, until * size),
    count: until - from,
    ...(labels === undefined ? {} : { labels: labels.subarray(from, until) }),
  };
}

const SHIFT_PIXELS = 2;

/**
 * Hands out micro-batches of samples in a seeded order, for ever, in one buffer that it uses again: training makes no
 * garbage, and a small micro-batch takes little memory whatever the effective batch.
 */
export class BatchFeed {
  readonly #samples: Samples;
  readonly #shape: SampleShape;
  readonly #sampleSize: number;
  readonly #random: Random;
  readonly #run: Pick<TrainingRun, "shuffle" | "augmentation">;
  readonly #images: Float32Array;
  readonly #labels: Int32Array;
  #order: readonly number[] = [];
  #next = 0;

  constructor(
    samples: Samples,
    shape: SampleShape,
    { microBatch }: Pick<RetrainConfig, "microBatch">,
    run: Pick<TrainingRun, "seed" | "shuffle" | "augmentation">,
  ) {
    if (samples.count < 1) throw new MpoError("invalid-argument", "there are no samples to train on");
    this.#samples = samples;
    this.#shape = shape;
    this.#sampleSize = elementsOf(shape);
    this.#random = createRandom(run.seed);
    this.#run = run;
    // Written to, so that it is resident from now on: the pages of a new array are only promised.
    this.#images = new Float32Array(microBatch * this.#sampleSize).fill(0);
    this.#labels = new Int32Array(microBatch);
  }

  /** The next micro-batch, in a buffer that the next call overwrites; an epoch's end may lie within it. */
  next(): Required<Samples> {
    const size = this.#sampleSize;
    this.#images.fill(0);
    for (let position = 0; position < this.#labels.length; position++) {
      const index = this.#nextIndex();
      const image = this.#samples.images.subarray(index * size, (index + 1) * size);
      const target = this.#images.subarray(position * size, (position + 1) * size);
      if (this.#run.augmentation === "shiftFlip") this.#shiftAndFlip(image, target);
      else target.set(image);
      this.#labels[position] = this.#samples.labels?.[index] ?? -1;
    }
    return { images: this.#images, labels: this.#labels, count: this.#labels.length };
  }

  #nextIndex(): number {
    if (this.#next >= this.#order.length) {
      const all = Array.from({ length: this.#samples.count }, (_, index) => index);
      this.#order = this.#run.shuffle ? this.#random.shuffled(all) : all;
      this.#next = 0;
    }
    return this.#order[this.#next++]!;
  }

  /** Pixels that come from outside the image are zero. */
  #shiftAndFlip(image: Float32Array, target: Float32Array): void {
    const [height = 1, width = 1, channels = 1] = this.#shape;
    const down = this.#random.integer(2 * SHIFT_PIXELS + 1) - SHIFT_PIXELS;
    const right = this.#random.integer(2 * SHIFT_PIXELS + 1) - SHIFT_PIXELS;
    const isMirrored = this.#random.integer(2) === 1;
    for (let y = 0; y < height; y++) {
      const fromY = y - down;
      if (fromY < 0 || fromY >= height) continue;
      for (let x = 0; x < width; x++) {
        const shifted = x - right;
        if (shifted < 0 || shifted >= width) continue;
        const fromX = isMirrored ? width - 1 - shifted : shifted;
        const from = (fromY * width + fromX) * channels;
        const to = (y * width + x) * channels;
        for (let channel = 0; channel < channels; channel++) target[to + channel] = image[from + channel]!;
      }
    }
  }
}
