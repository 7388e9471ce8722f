import { MpoError } from "@mpo/core";
import type { Padding, SampleShape, Size2D } from "../model/model-graph.ts";

/** `[height, width, channels]` of an image-shaped input; throws `invalid-argument` for any other rank. */
export function imageShape(op: string, shape: SampleShape | undefined): readonly [number, number, number] {
  if (shape?.length !== 3) {
    throw new MpoError(
      "invalid-argument",
      `${op} has an input of shape [${shape}]; expected [height, width, channels]`,
    );
  }
  return shape as unknown as readonly [number, number, number];
}

/** Extents after a sliding window (TensorFlow's SAME and VALID). Throws `invalid-argument` when nothing would remain. */
export function windowedSize(
  op: string,
  size: Size2D,
  window: Size2D,
  strides: Size2D,
  padding: Padding,
  dilation: Size2D = [1, 1],
): Size2D {
  const extent = (axis: 0 | 1): number => {
    const reach = (window[axis] - 1) * dilation[axis] + 1;
    const length = padding === "same" ? size[axis] : size[axis] - reach + 1;
    const result = Math.ceil(length / strides[axis]);
    if (result < 1) {
      throw new MpoError(
        "invalid-argument",
        `${op}: a window of ${reach} does not fit into an extent of ${size[axis]}`,
      );
    }
    return result;
  };
  return [extent(0), extent(1)];
}

/** `[1, a, b, 1]`, as TensorFlow wants strides, windows and dilations of NHWC tensors. */
export function nhwc(pair: Size2D): readonly number[] {
  return [1, pair[0], pair[1], 1];
}
