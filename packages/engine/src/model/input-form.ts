import type { InputForm } from "@mpo/datasets";

/** One sample's shape, and what it is made of; without a form nothing is stated, and images of 0..1 are taken as they are. */
export interface ModelInput {
  readonly shape: readonly number[];
  readonly form?: InputForm;
}

const WORDS = { unit: "0..1", symmetric: "-1..1", bytes: "0..255" } as const;

/** Numbers by commas, in six digits. */
export function rounded(list: readonly number[]): string {
  return list.map((value) => Number(value.toPrecision(6))).join(",");
}

/** A form in words: `-1..1, BGR`. */
export function describeInputForm({ range, order, fit, filter }: InputForm): string {
  const words =
    typeof range === "string"
      ? WORDS[range]
      : `0..1 minus ${rounded(range.mean)}, divided by ${rounded(range.deviation)}`;
  const shown = [order === "bgr" ? "BGR" : undefined, fit === "stretch" ? undefined : fit, filter];
  return [words, ...shown.filter((word) => word !== undefined)].join(", ");
}

/** What is taken off values of 0..1, and what they are divided by: one for all channels, or one for each. */
export function linearOf({ range }: InputForm): {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
} {
  if (range === "unit") return { mean: [0], deviation: [1] };
  if (range === "symmetric") return { mean: [0.5], deviation: [0.5] };
  return range === "bytes" ? { mean: [0], deviation: [1 / 255] } : range;
}

/** Images of 0..1, RGB, as a model takes them: themselves, or written into another array of their length. */
export function toModelInput(
  images: Float32Array,
  { shape, form }: ModelInput,
  target: () => Float32Array,
): Float32Array {
  if (form === undefined || (form.range === "unit" && form.order !== "bgr")) return images;
  const { mean, deviation } = linearOf(form);
  const channels = shape.at(-1) ?? 1;
  const values = target();
  for (let channel = 0; channel < channels; channel++) {
    const from = form.order === "bgr" ? channels - 1 - channel : channel;
    const off = mean[channel % mean.length]!;
    const by = deviation[channel % deviation.length]!;
    for (let pixel = 0; pixel < images.length; pixel += channels) {
      values[pixel + channel] = (images[pixel + from]! - off) / by;
    }
  }
  return values;
}
