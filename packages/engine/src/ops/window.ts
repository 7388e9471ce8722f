import type { SampleShape, Size2D, WindowAttributes } from "../model/model-graph.ts";
import { misfit } from "./misfit.ts";

/** `[height, width, channels]` of an image-shaped input; throws `invalid-argument` for any other rank. */
export function imageShape(op: string, shape: SampleShape | undefined): readonly [number, number, number] {
  if (shape?.length !== 3) {
    throw misfit(`${op} has an input of shape [${shape}]; expected [height, width, channels]`);
  }
  return shape as unknown as readonly [number, number, number];
}

/** Extents after a sliding window (TensorFlow's SAME and VALID). Throws `invalid-argument` when nothing would remain. */
export function windowedSize(
  op: string,
  image: readonly [number, number, number],
  { kernelSize, strides, padding, dilation }: WindowAttributes,
): Size2D {
  const extent = (axis: 0 | 1): number => {
    const reach = (kernelSize[axis] - 1) * dilation[axis] + 1;
    const length = padding === "same" ? image[axis] : image[axis] - reach + 1;
    const result = Math.ceil(length / strides[axis]);
    if (result < 1) {
      throw misfit(`${op}: a window of ${reach} does not fit into an extent of ${image[axis]}`);
    }
    return result;
  };
  return [extent(0), extent(1)];
}

/** `[1, a, b, 1]`, as TensorFlow wants strides, windows and dilations of NHWC tensors. */
export function nhwc(pair: Size2D): readonly number[] {
  return [1, pair[0], pair[1], 1];
}
