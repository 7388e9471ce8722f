import { applyAxes, zoomAxis } from "./axis-map.ts";
import { createConvolver, motionTaps } from "./convolve.ts";
import { type Corruption, perImage } from "./corruption-kernel.ts";
import { LUMA_WEIGHTS } from "./luma.ts";
import { plasma, powerOfTwoFrom } from "./plasma.ts";

/** Falling snow: motion-blurred flakes, the scene whitened. */
export const snow: Corruption = perImage("snow", (shape, level) => {
  const { height, width } = shape;
  const vertical = zoomAxis(height, level.zoom);
  const horizontal = zoomAxis(width, level.zoom);
  const trailLength = 2 * level.trailRadius + 1;
  const convolve = createConvolver({ height, width, channels: 1 }, trailLength, "edge");
  const noise = new Float32Array(height * width);
  const scratch = new Float32Array(noise.length);
  const flakes = new Float32Array(noise.length);
  const trails = new Float32Array(noise.length);
  return (input, output, random) => {
    for (let i = 0; i < noise.length; i++) noise[i] = level.mean + level.sigma * random.gaussian();
    applyAxes(vertical, horizontal, 1, noise, scratch, flakes);
    for (let i = 0; i < flakes.length; i++) flakes[i] = flakes[i]! < level.threshold ? 0 : Math.min(1, flakes[i]!);
    const angle = (-0.75 + 0.5 * random.uniform()) * Math.PI;
    convolve(flakes, motionTaps(trailLength, level.trailSigma, angle), trails);
    whiten(input, output, shape.channels, level.keep);
    const last = trails.length - 1;
    for (let i = 0; i < output.length; i++) {
      const pixel = Math.floor(i / shape.channels);
      output[i]! += trails[pixel]! + trails[last - pixel]!;
    }
  };
});

/** Fog: fractal haze added, then the whole scaled back to the image's own brightest value. */
export const fog: Corruption = perImage("fog", (shape, { thickness, decay }) => {
  const { height, width, channels } = shape;
  const size = powerOfTwoFrom(Math.max(height, width));
  return (input, output, random) => {
    const haze = plasma(size, decay, random);
    let brightest = 0;
    for (const value of input) if (value > brightest) brightest = value;
    const scale = brightest / (brightest + thickness);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const added = thickness * haze[y * size + x]!;
        for (let c = 0; c < channels; c++, i++) output[i] = (input[i]! + added) * scale;
      }
    }
  };
});

/** Brighter daylight: a constant added to the value of HSV, hue and saturation kept. */
export const brightness: Corruption = perImage("brightness", (shape, { added }) => {
  const { channels } = shape;
  return (input, output) => {
    for (let pixel = 0; pixel < input.length; pixel += channels) {
      let value = 0;
      for (let c = 0; c < channels; c++) value = Math.max(value, input[pixel + c]!);
      const brighter = Math.min(1, value + added);
      // Black has no hue: it becomes grey.
      for (let c = 0; c < channels; c++)
        output[pixel + c] = value > 0 ? (input[pixel + c]! / value) * brighter : brighter;
    }
  };
});

function whiten(input: Float32Array, output: Float32Array, channels: number, keep: number): void {
  for (let pixel = 0; pixel < input.length; pixel += channels) {
    let grey = input[pixel]!;
    if (channels === 3) {
      grey = 0;
      for (let c = 0; c < 3; c++) grey += LUMA_WEIGHTS[c]! * input[pixel + c]!;
    }
    const white = grey * 1.5 + 0.5;
    for (let c = 0; c < channels; c++) {
      const value = input[pixel + c]!;
      output[pixel + c] = keep * value + (1 - keep) * Math.max(value, white);
    }
  }
}
