import type { ImageShape } from "../images/image-set.ts";
import type { Filter, Fit } from "./resizing.ts";

/** Filters that are computed here, to the last pixel as Pillow or TensorFlow do: sharp shrinks in two steps. */
export type OwnFilter = Exclude<Filter, "lanczos3">;

/** What a pixel at a distance counts, and up to which distance. */
const KERNELS: Readonly<Record<Exclude<OwnFilter, "nearest">, { reach: number; at(distance: number): number }>> = {
  bilinear: { reach: 1, at: (x) => 1 - x },
  "bilinear-plain": { reach: 1, at: (x) => 1 - x },
  // Keys 1981, a = -0.5.
  cubic: { reach: 2, at: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2) },
};

/**
 * Brings pixels to another size, along one side after the other. Pillow rounds them to whole numbers; TensorFlow does not,
 * and some noisy photos get another class by that.
 */
export function resample(
  pixels: Uint8Array,
  from: Pick<ImageShape, "height" | "width">,
  { height, width, channels }: ImageShape,
  { fit, filter }: { readonly fit: Fit; readonly filter: OwnFilter },
): Uint8Array | Float32Array {
  const ratios = [height / from.height, width / from.width];
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  const placesOf = (extent: number, target: number): readonly Place[] => {
    const shown = fit === "letterbox" ? Math.max(1, Math.round(least * extent)) : target;
    const seen = fit === "crop" ? Math.max(1, Math.round(target / most)) : extent;
    return middlePlaces({ extent, seen, target, shown }, filter);
  };
  const columns = placesOf(from.width, width);
  const narrow = new Float32Array(from.height * width * channels);
  for (let row = 0; row < from.height * from.width; row += from.width) {
    for (const { target, taps } of columns) {
      const to = ((row / from.width) * width + target) * channels;
      for (const [x, weight] of taps) {
        const at = (row + x) * channels;
        for (let c = 0; c < channels; c++) narrow[to + c] = narrow[to + c]! + weight * pixels[at + c]!;
      }
    }
  }
  const length = width * channels;
  const resized = new (filter === "bilinear-plain" ? Float32Array : Uint8ClampedArray)(height * length);
  for (const { target, taps } of placesOf(from.height, height)) {
    for (let value = 0; value < length; value++) {
      resized[target * length + value] = taps.reduce(
        (sum, [y, weight]) => sum + weight * narrow[y * length + value]!,
        0,
      );
    }
  }
  return resized instanceof Float32Array ? resized : new Uint8Array(resized.buffer);
}

/** A row or column of the target, with those of the source that it is made of and their weights. */
interface Place {
  readonly target: number;
  readonly taps: readonly (readonly [source: number, weight: number])[];
}

/** Of one side: the middle `seen` of `extent` pixels become the middle `shown` of `target`. */
function middlePlaces(
  { extent, seen, target, shown }: Readonly<Record<"extent" | "seen" | "target" | "shown", number>>,
  filter: OwnFilter,
): readonly Place[] {
  const scale = seen / shown;
  const begin = Math.floor((extent - seen) / 2);
  return Array.from({ length: shown }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const place = Math.floor((target - shown) / 2) + index;
    if (filter === "nearest") return { target: place, taps: [[begin + Math.floor(centre), 1]] };
    const { reach, at } = KERNELS[filter];
    // Smoothing: a kernel is as wide as what becomes one pixel.
    const wide = filter === "bilinear-plain" ? 1 : Math.max(1, scale);
    const first = Math.max(0, Math.floor(centre - reach * wide + 0.5));
    const end = Math.min(seen, Math.floor(centre + reach * wide + 0.5));
    const weights = Array.from({ length: end - first }, (__, tap) =>
      at(Math.min(reach, Math.abs(first + tap + 0.5 - centre) / wide)),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { target: place, taps: weights.map((weight, tap) => [begin + first + tap, weight / sum]) };
  });
}
