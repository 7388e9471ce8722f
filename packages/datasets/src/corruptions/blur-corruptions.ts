import type { ImageShape } from "../images/image-set.ts";
import type { Random } from "../images/random.ts";
import { applyAxes, axesScratchLength, gaussianAxis, gaussianRadius, zoomAxis } from "./axis-map.ts";
import { createConvolver, type FilterTap, motionTaps } from "./convolve.ts";
import { type Corruption, perImage } from "./corruption-kernel.ts";
import { applyPixelMap, sumOfAxes } from "./pixel-map.ts";

/** Out of focus: the image filtered with an antialiased disk. */
export const defocusBlur: Corruption = perImage("defocus_blur", (shape, { radius, aliasSigma }) => {
  const taps = diskTaps(radius, aliasSigma);
  const reach = taps.reduce((most, tap) => Math.max(most, Math.abs(tap.dx)), 0);
  const convolve = createConvolver(shape, reach, "mirror");
  return (input, output) => convolve(input, taps, output);
});

/** Frosted glass: blurred, every pixel replaced by one near it, blurred again. */
export const glassBlur: Corruption = perImage("glass_blur", (shape, { sigma, reach, rounds }) => {
  const vertical = gaussianAxis(shape.height, sigma, gaussianRadius(sigma, 4), "edge");
  const horizontal = gaussianAxis(shape.width, sigma, gaussianRadius(sigma, 4), "edge");
  const scratch = new Float32Array(axesScratchLength(vertical, horizontal, shape.channels));
  const blurred = new Float32Array(shape.height * shape.width * shape.channels);
  return (input, output, random) => {
    applyAxes(vertical, horizontal, shape.channels, input, scratch, blurred);
    for (let round = 0; round < rounds; round++) takeNeighbours(blurred, shape, reach, random);
    applyAxes(vertical, horizontal, shape.channels, blurred, scratch, output);
  };
});

/** A moving camera: a one-sided Gaussian trail at a random angle of -45 to 45 degrees. */
export const motionBlur: Corruption = perImage("motion_blur", (shape, { radius, sigma }) => {
  const length = 2 * radius + 1;
  const convolve = createConvolver(shape, length, "edge");
  return (input, output, random) => {
    const angle = ((2 * random.uniform() - 1) * Math.PI) / 4;
    convolve(input, motionTaps(length, sigma, angle), output);
  };
});

/** A camera rushing forward: the mean of the image and of itself enlarged more and more. */
export const zoomBlur: Corruption = perImage("zoom_blur", (shape, { count, step }) => {
  const unchanged = 1;
  // The step as floating-point numbers have it next to 1: some enlarged sides lie on a half and are rounded by it.
  const factors = [unchanged, ...Array.from({ length: count }, (_, i) => 1 + i * (1 + step - 1))];
  const map = sumOfAxes(factors.map((factor) => [zoomAxis(shape.height, factor), zoomAxis(shape.width, factor)]));
  return (input, output) => {
    applyPixelMap(map, shape.channels, input, output);
    for (let i = 0; i < output.length; i++) output[i]! /= factors.length;
  };
});

/**
 * A disk, its edge softened by a small Gaussian. As published, both are cut to the same square, whose border mirrors what
 * is inside it: where the disk reaches the border (radius 8 and 10), the weights add up to a little more than 1.
 */
function diskTaps(radius: number, aliasSigma: number): FilterTap[] {
  const reach = Math.max(8, radius);
  const size = 2 * reach + 1;
  const disk = new Float32Array(size * size).map((_, i) => {
    const y = Math.floor(i / size) - reach;
    const x = (i % size) - reach;
    return Number(x * x + y * y <= radius * radius);
  });
  const area = disk.reduce((sum, inside) => sum + inside, 0);
  const soften = gaussianAxis(size, aliasSigma, radius <= 8 ? 1 : 2, "mirror");
  const softened = new Float32Array(disk.length);
  applyAxes(soften, soften, 1, disk, new Float32Array(disk.length), softened);
  const taps: FilterTap[] = [];
  for (const [i, weight] of softened.entries()) {
    if (weight > 0) taps.push({ dy: Math.floor(i / size) - reach, dx: (i % size) - reach, weight: weight / area });
  }
  return taps;
}

function takeNeighbours(pixels: Float32Array, shape: ImageShape, reach: number, random: Random): void {
  const { height, width, channels } = shape;
  // Order and range as published: from the bottom right, offsets of -reach up to, not including, reach. The published
  // program means to swap, but its array views make it a copy, and the benchmark's images are what that gives.
  for (let y = height - reach; y > reach; y--) {
    for (let x = width - reach; x > reach; x--) {
      const fromX = x + random.integer(2 * reach) - reach;
      const fromY = y + random.integer(2 * reach) - reach;
      const here = (y * width + x) * channels;
      const from = (fromY * width + fromX) * channels;
      for (let c = 0; c < channels; c++) pixels[here + c] = pixels[from + c]!;
    }
  }
}
