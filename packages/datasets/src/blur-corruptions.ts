import { applyAxes, axesScratchLength, gaussianAxis, zoomAxis } from "./axis-map.ts";
import { createConvolver, type FilterTap, motionTaps, normaliseTaps } from "./convolve.ts";
import { type Corruption, perImage } from "./corruption-kernel.ts";
import type { ImageShape } from "./image-set.ts";
import { applyPixelMap, sumOfAxes } from "./pixel-map.ts";
import type { Random } from "./random.ts";

/** Out of focus: the image filtered with an antialiased disk. */
export const defocusBlur: Corruption = perImage("defocus_blur", (shape, { radius, aliasSigma }) => {
  const taps = diskTaps(radius, aliasSigma);
  const reach = taps.reduce((most, tap) => Math.max(most, Math.abs(tap.dx)), 0);
  const convolve = createConvolver(shape, reach, "mirror");
  return (input, output) => convolve(input, taps, output);
});

/** Frosted glass: blurred, every pixel replaced by one near it, blurred again. */
export const glassBlur: Corruption = perImage("glass_blur", (shape, { sigma, reach, rounds }) => {
  const vertical = gaussianAxis(shape.height, sigma, 4, "edge");
  const horizontal = gaussianAxis(shape.width, sigma, 4, "edge");
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
export const zoomBlur: Corruption = perImage("zoom_blur", (shape, { mostPercent, stepPercent }) => {
  const unchanged = 1;
  const factors = [unchanged];
  for (let percent = 0; percent <= mostPercent; percent += stepPercent) factors.push(1 + percent / 100);
  const map = sumOfAxes(factors.map((factor) => [zoomAxis(shape.height, factor), zoomAxis(shape.width, factor)]));
  return (input, output) => {
    applyPixelMap(map, shape.channels, input, output);
    for (let i = 0; i < output.length; i++) output[i]! /= factors.length;
  };
});

function diskTaps(radius: number, aliasSigma: number): FilterTap[] {
  // The disk's edge is softened by a small Gaussian, 3 wide for small disks and 5 for large ones as published.
  const soft = radius <= 8 ? 1 : 2;
  const weights = Array.from({ length: 2 * soft + 1 }, (_, i) =>
    Math.exp((-0.5 * (i - soft) ** 2) / (aliasSigma * aliasSigma)),
  );
  const inside = (y: number, x: number): number => Number(x * x + y * y <= radius * radius);
  const reach = Math.floor(radius) + soft;
  const taps: FilterTap[] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      let weight = 0;
      for (let i = -soft; i <= soft; i++) {
        for (let j = -soft; j <= soft; j++) {
          weight += weights[i + soft]! * weights[j + soft]! * inside(dy + i, dx + j);
        }
      }
      if (weight > 0) taps.push({ dy, dx, weight });
    }
  }
  return normaliseTaps(taps);
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
