import { applyAxes, axesScratchLength, gaussianAxis, zoomAxis } from "./axis-map.ts";
import { createConvolver, type FilterTap, motionTaps, normaliseTaps } from "./convolve.ts";
import { atSeverity, type Corruption, type ImageShape, perImage, pixelScale } from "./corruption-kernel.ts";
import type { Random } from "./random.ts";

// Severity tables: Hendrycks & Dietterich 2019, CIFAR-10-C.

/** Out of focus: the image filtered with an antialiased disk. */
export const defocusBlur: Corruption = perImage("defocus_blur", (shape, severity) => {
  const [radius, aliasSigma] = atSeverity<readonly [number, number]>(
    [
      [0.3, 0.4],
      [0.4, 0.5],
      [0.5, 0.6],
      [1, 0.2],
      [1.5, 0.1],
    ],
    severity,
  );
  const taps = diskTaps(radius * pixelScale(shape), aliasSigma);
  const reach = taps.reduce((most, tap) => Math.max(most, Math.abs(tap.dx)), 0);
  const convolve = createConvolver(shape, reach, "mirror");
  return (input, output) => convolve(input, taps, output);
});

/** Frosted glass: blurred, neighbouring pixels swapped at random, blurred again. */
export const glassBlur: Corruption = perImage("glass_blur", (shape, severity) => {
  const [sigma, delta, rounds] = atSeverity<readonly [number, number, number]>(
    [
      [0.05, 1, 1],
      [0.25, 1, 1],
      [0.4, 1, 1],
      [0.25, 1, 2],
      [0.4, 1, 2],
    ],
    severity,
  );
  const scale = pixelScale(shape);
  const reach = Math.round(delta * scale);
  const vertical = gaussianAxis(shape.height, sigma * scale, 4, "edge");
  const horizontal = gaussianAxis(shape.width, sigma * scale, 4, "edge");
  const scratch = new Float32Array(axesScratchLength(vertical, horizontal, shape.channels));
  const blurred = new Float32Array(shape.height * shape.width * shape.channels);
  return (input, output, random) => {
    applyAxes(vertical, horizontal, shape.channels, input, scratch, blurred);
    for (let round = 0; round < rounds; round++) swapNeighbours(blurred, shape, reach, random);
    applyAxes(vertical, horizontal, shape.channels, blurred, scratch, output);
  };
});

/** A moving camera: a one-sided Gaussian trail at a random angle of -45 to 45 degrees. */
export const motionBlur: Corruption = perImage("motion_blur", (shape, severity) => {
  const [radius, sigma] = atSeverity<readonly [number, number]>(
    [
      [6, 1],
      [6, 1.5],
      [6, 2],
      [8, 2],
      [9, 2.5],
    ],
    severity,
  );
  const scale = pixelScale(shape);
  const length = Math.round(2 * radius * scale) + 1;
  const convolve = createConvolver(shape, length, "edge");
  return (input, output, random) => {
    const angle = ((2 * random.uniform() - 1) * Math.PI) / 4;
    convolve(input, motionTaps(length, sigma * scale, angle), output);
  };
});

/** A camera rushing forward: the mean of the image and of itself enlarged by 0 % to 5 .. 25 %. */
export const zoomBlur: Corruption = perImage("zoom_blur", (shape, severity) => {
  const mostPercent = atSeverity([5, 10, 15, 20, 25], severity);
  const zooms = Array.from({ length: mostPercent + 1 }, (_, percent) => ({
    vertical: zoomAxis(shape.height, 1 + percent / 100),
    horizontal: zoomAxis(shape.width, 1 + percent / 100),
  }));
  const zoomed = new Float32Array(shape.height * shape.width * shape.channels);
  const scratch = new Float32Array(zoomed.length);
  return (input, output) => {
    output.set(input);
    for (const { vertical, horizontal } of zooms) {
      applyAxes(vertical, horizontal, shape.channels, input, scratch, zoomed);
      for (let i = 0; i < output.length; i++) output[i]! += zoomed[i]!;
    }
    for (let i = 0; i < output.length; i++) output[i]! /= zooms.length + 1;
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

function swapNeighbours(pixels: Float32Array, shape: ImageShape, reach: number, random: Random): void {
  const { height, width, channels } = shape;
  for (let y = height - reach; y > reach; y--) {
    for (let x = width - reach; x > reach; x--) {
      // The published range: from -reach up to, not including, reach.
      const otherX = x + random.integer(2 * reach) - reach;
      const otherY = y + random.integer(2 * reach) - reach;
      if (y >= height || x >= width) continue;
      const here = (y * width + x) * channels;
      const there = (otherY * width + otherX) * channels;
      for (let c = 0; c < channels; c++) {
        const held = pixels[here + c]!;
        pixels[here + c] = pixels[there + c]!;
        pixels[there + c] = held;
      }
    }
  }
}
