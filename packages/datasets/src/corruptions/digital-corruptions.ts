import type { ImageShape } from "../images/image-set.ts";
import type { Random } from "../images/random.ts";
import { applyAxes, axesScratchLength, boxAxis, composeAxes, gaussianAxis, gaussianRadius } from "./axis-map.ts";
import { type Border, borderIndex } from "./border.ts";
import { type Corruption, perImage } from "./corruption-kernel.ts";

/** Less contrast: every channel drawn towards its mean. */
export const contrast: Corruption = perImage("contrast", (shape, { kept }) => {
  const { channels } = shape;
  return (input, output) => {
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = c; i < input.length; i += channels) sum += input[i]!;
      const mean = sum / (input.length / channels);
      for (let i = c; i < input.length; i += channels) output[i] = (input[i]! - mean) * kept + mean;
    }
  };
});

/** Coarse pixels: shrunk and enlarged again with box filters. */
export const pixelate: Corruption = perImage("pixelate", (shape, { share }) => {
  const axisOf = (length: number): ReturnType<typeof boxAxis> => {
    const small = Math.max(1, Math.floor(length * share));
    return composeAxes(boxAxis(length, small), boxAxis(small, length));
  };
  const vertical = axisOf(shape.height);
  const horizontal = axisOf(shape.width);
  const scratch = new Float32Array(axesScratchLength(vertical, horizontal, shape.channels));
  return (input, output) => applyAxes(vertical, horizontal, shape.channels, input, scratch, output);
});

/**
 * Stretched and dented: a random affine map of the whole image, then a smooth random displacement (Simard et al. 2003).
 * The published tables trade one for the other, so the damage does not grow from severity 1 to 2.
 */
export const elasticTransform: Corruption = perImage("elastic_transform", (shape, { push, smoothness, affine }) => {
  const { height, width, channels } = shape;
  const side = Math.min(height, width);
  const sigma = smoothness * side;
  const vertical = gaussianAxis(height, sigma, gaussianRadius(sigma, 3), "reflect");
  const horizontal = gaussianAxis(width, sigma, gaussianRadius(sigma, 3), "reflect");
  const scratch = new Float32Array(height * width);
  const noise = new Float32Array(height * width);
  const pushY = new Float32Array(height * width);
  const pushX = new Float32Array(height * width);
  const warped = new Float32Array(height * width * channels);
  return (input, output, random) => {
    const warp = randomAffine(shape, affine * side, random);
    for (const field of [pushY, pushX]) {
      if (push === 0) continue;
      for (let i = 0; i < noise.length; i++) noise[i] = push * side * (2 * random.uniform() - 1);
      applyAxes(vertical, horizontal, 1, noise, scratch, field);
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const fromY = in32nds(warp.y0 + warp.yy * y, warp.yx * x);
        const fromX = in32nds(warp.x0 + warp.xy * y, warp.xx * x);
        sampleBilinear(input, shape, { y: fromY, x: fromX }, "mirror", warped, (y * width + x) * channels);
      }
    }
    for (let y = 0, pixel = 0; y < height; y++) {
      for (let x = 0; x < width; x++, pixel++) {
        const from = { y: y + pushY[pixel]!, x: x + pushX[pixel]! };
        sampleBilinear(warped, shape, from, "reflect", output, pixel * channels);
      }
    }
  };
});

/** Where output pixel (y, x) is read from: (y0 + yy·y + yx·x, x0 + xy·y + xx·x). */
interface Affine {
  readonly y0: number;
  readonly yy: number;
  readonly yx: number;
  readonly x0: number;
  readonly xy: number;
  readonly xx: number;
}

// Three corners of a square in the middle are each moved by up to `reach`; the map that does so, inverted.
function randomAffine(shape: ImageShape, reach: number, random: Random): Affine {
  const centreY = Math.floor(shape.height / 2);
  const centreX = Math.floor(shape.width / 2);
  const square = Math.max(1, Math.floor(Math.min(shape.height, shape.width) / 3));
  const move = (): number => reach * (2 * random.uniform() - 1);
  const corners = [
    { y: centreY + square, x: centreX + square },
    { y: centreY - square, x: centreX + square },
    { y: centreY - square, x: centreX - square },
  ].map((corner) => ({ y: corner.y + move(), x: corner.x + move() }));
  const [a, b, c] = corners as [Point, Point, Point];
  // Forward: corner b goes to b, one unit of y is (a - b) / 2square, one unit of x is (b - c) / 2square.
  const stepY = { y: (a.y - b.y) / (2 * square), x: (a.x - b.x) / (2 * square) };
  const stepX = { y: (b.y - c.y) / (2 * square), x: (b.x - c.x) / (2 * square) };
  const determinant = stepY.y * stepX.x - stepX.y * stepY.x;
  const yy = stepX.x / determinant;
  const yx = -stepX.y / determinant;
  const xy = -stepY.x / determinant;
  const xx = stepY.y / determinant;
  return {
    yy,
    yx,
    xy,
    xx,
    y0: centreY - square - yy * b.y - yx * b.x,
    x0: centreX + square - xy * b.y - xx * b.x,
  };
}

/** The sum of two coordinates as the published program's library (OpenCV) has it: in whole 32nds of a pixel. */
function in32nds(a: number, b: number): number {
  return Math.floor((Math.round(a * 1024) + Math.round(b * 1024) + 16) / 32) / 32;
}

interface Point {
  readonly y: number;
  readonly x: number;
}

function sampleBilinear(
  image: Float32Array,
  shape: ImageShape,
  { y, x }: Point,
  border: Border,
  output: Float32Array,
  to: number,
): void {
  const { height, width, channels } = shape;
  const floorY = Math.floor(y);
  const floorX = Math.floor(x);
  const shareY = y - floorY;
  const shareX = x - floorX;
  const top = borderIndex(floorY, height, border) * width;
  const bottom = borderIndex(floorY + 1, height, border) * width;
  const left = borderIndex(floorX, width, border);
  const right = borderIndex(floorX + 1, width, border);
  for (let c = 0; c < channels; c++) {
    const above = image[(top + left) * channels + c]! * (1 - shareX) + image[(top + right) * channels + c]! * shareX;
    const below =
      image[(bottom + left) * channels + c]! * (1 - shareX) + image[(bottom + right) * channels + c]! * shareX;
    output[to + c] = above * (1 - shareY) + below * shareY;
  }
}
