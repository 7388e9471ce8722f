import { entropy, type InputLook } from "@mpo/core";

/** Bins of intensity from 0 to 1. */
export const INTENSITY_BINS = 16;

/** What drift is looked for in: a file of inputs, summed up. Plain data. */
export interface InputSummary extends InputLook {
  readonly count: number;
  /** Mean entropy of the predictions as a share of its largest value; absent: the program gave no predictions. */
  readonly predictionEntropy?: number;
  /** Largest probability of each prediction; empty: none were given. */
  readonly confidences: readonly number[];
}

/** Numbers that should not change while the inputs stay alike. */
export const FEATURE_NAMES = ["brightness", "contrast", "detail"] as const;
export type FeatureName = (typeof FEATURE_NAMES)[number];

/** Images as they lie in a file: `[count, height, width, channels]`, values from 0 to 1. */
export interface SummedImages {
  readonly images: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Sums up images, with what the model predicted for them where it is known: probabilities `[count, classes]`. */
export function summarise(set: SummedImages, probabilities: Float32Array | undefined): InputSummary {
  const { images, count, height, width, channels } = set;
  const length = height * width * channels;
  const features = { brightness: 0, contrast: 0, detail: 0 };
  const texture = { coarse: 0, column: 0, bend: 0 };
  const row = width * channels;
  const intensities = new Array<number>(INTENSITY_BINS).fill(0);
  for (let image = 0; image < count; image++) {
    const values = images.subarray(image * length, (image + 1) * length);
    let sum = 0;
    let squares = 0;
    let differences = 0;
    let [coarse, column, bend] = [0, 0, 0];
    for (let at = 0; at < length; at++) {
      const value = values[at] as number;
      sum += value;
      squares += value * value;
      // The neighbour to the right; at a row's end, the next row's first.
      if (at + channels < length) differences += Math.abs((values[at + channels] as number) - value);
      if (at + 2 * channels < length) {
        const next = values[at + channels] as number;
        const second = values[at + 2 * channels] as number;
        coarse += Math.abs(second - value);
        bend += Math.abs(second - 2 * next + value);
      }
      if (at + row < length) column += Math.abs((values[at + row] as number) - value);
      const bin = Math.min(INTENSITY_BINS - 1, Math.floor(value * INTENSITY_BINS));
      intensities[bin] = (intensities[bin] as number) + 1;
    }
    const mean = sum / length;
    features.brightness += mean / count;
    features.contrast += Math.sqrt(Math.max(0, squares / length - mean * mean)) / count;
    features.detail += differences / length / count;
    texture.coarse += coarse / length / count;
    texture.column += column / length / count;
    texture.bend += bend / length / count;
  }
  return { count, features, texture, intensities, ...predicted(probabilities, count) };
}

function predicted(
  probabilities: Float32Array | undefined,
  count: number,
): Pick<InputSummary, "predictionEntropy" | "confidences"> {
  const classes = (probabilities?.length ?? 0) / count;
  if (probabilities === undefined || !Number.isInteger(classes) || classes < 2) return { confidences: [] };
  let sum = 0;
  const confidences: number[] = [];
  for (let row = 0; row < count; row++) {
    const shares = probabilities.subarray(row * classes, (row + 1) * classes);
    sum += entropy(shares) / Math.log(classes);
    confidences.push(shares.reduce((largest, share) => Math.max(largest, share), 0));
  }
  return { predictionEntropy: sum / count, confidences };
}

/** Several summaries as one: what their inputs look like together. Undefined: there are none. */
export function joinedLook(summaries: readonly InputSummary[]): InputLook | undefined {
  const total = summaries.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return undefined;
  const mean = <Part extends object>(partOf: (summary: InputSummary) => Part): Part => {
    const names = Object.keys(partOf(summaries[0] as InputSummary)) as (keyof Part)[];
    const meanOf = (name: keyof Part): number =>
      summaries.reduce((sum, summary) => sum + (partOf(summary)[name] as number) * (summary.count / total), 0);
    return Object.fromEntries(names.map((name) => [name, meanOf(name)])) as Part;
  };
  return {
    features: mean(({ features }) => features),
    texture: mean(({ texture }) => texture),
    intensities: Array.from({ length: INTENSITY_BINS }, (_, bin) =>
      summaries.reduce((sum, { intensities }) => sum + (intensities[bin] ?? 0), 0),
    ),
  };
}
