import { MpoError } from "@mpo/core";
import type { ImageSet, ImageShape } from "../images/image-set.ts";
import { createRandom, deriveSeed, type Random } from "../images/random.ts";

/** Kinds of drawings of `syntheticImages`, by label. */
const SYNTHETIC_CLASSES: readonly string[] = ["disk", "ring", "box", "cross", "stripes", "checks"];

export interface SyntheticOptions extends ImageShape {
  readonly count: number;
  readonly seed: number;
}

/**
 * Labelled drawings for tests and dry runs where no data set is at hand: one shape of random place, size and colour on a
 * shaded ground. Image i depends only on the seed and i; labels go round. Throws `invalid-argument` on a count below 0
 * or a size below 1.
 */
export function syntheticImages(options: SyntheticOptions): ImageSet {
  const { count, height, width, channels, seed } = options;
  for (const [name, value] of Object.entries({ count: count + 1, height, width, channels })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new MpoError("invalid-argument", `synthetic images: ${name}: expected a whole number in range`);
    }
  }
  const length = height * width * channels;
  const images = new Float32Array(count * length);
  const labels = Int32Array.from({ length: count }, (_, i) => i % SYNTHETIC_CLASSES.length);
  for (let i = 0; i < count; i++) {
    const random = createRandom(deriveSeed(seed, "synthetic", i));
    draw(images.subarray(i * length, (i + 1) * length), options, SYNTHETIC_CLASSES[labels[i]!]!, random);
  }
  return { images, count, height, width, channels, labels, classNames: SYNTHETIC_CLASSES };
}

function draw(image: Float32Array, shape: ImageShape, kind: string, random: Random): void {
  const { height, width, channels } = shape;
  const centreY = 0.35 + 0.3 * random.uniform();
  const centreX = 0.35 + 0.3 * random.uniform();
  const size = 0.2 + 0.12 * random.uniform();
  const ground = Array.from({ length: channels }, () => 0.1 + 0.3 * random.uniform());
  const ink = Array.from({ length: channels }, () => 0.55 + 0.4 * random.uniform());
  const slope = 0.3 * (random.uniform() - 0.5);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dy = ((y + 0.5) / height - centreY) / size;
      const dx = ((x + 0.5) / width - centreX) / size;
      const shade = 1 + slope * (dy + dx);
      const colour = isInked(kind, dy, dx) ? ink : ground;
      for (let c = 0; c < channels; c++, i++) image[i] = Math.min(1, Math.max(0, colour[c]! * shade));
    }
  }
}

// Coordinates are in units of the drawing's size: it reaches from -1 to 1.
function isInked(kind: string, dy: number, dx: number): boolean {
  const radius = Math.hypot(dy, dx);
  const inBox = Math.max(Math.abs(dy), Math.abs(dx)) <= 1;
  switch (kind) {
    case "disk":
      return radius <= 1;
    case "ring":
      return radius <= 1 && radius >= 0.55;
    case "box":
      return inBox;
    case "cross":
      return inBox && Math.min(Math.abs(dy), Math.abs(dx)) <= 0.3;
    case "stripes":
      return inBox && Math.floor((dy + 1) * 2.5) % 2 === 0;
    default:
      return inBox && (Math.floor((dy + 1) * 1.5) + Math.floor((dx + 1) * 1.5)) % 2 === 0;
  }
}
