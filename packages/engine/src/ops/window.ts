import { type AffineBytes, NO_BYTES } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { type Attributes, attr } from "../graph/graph-proto.ts";
import type { Padding, SampleShape, Size2D, WindowAttributes } from "../model/model-graph.ts";
import { activationBytes } from "./facts.ts";
import { misfit } from "./misfit.ts";

/** `[height, width, channels]` of an image-shaped input; throws `invalid-argument` for any other rank. */
export function imageShape(op: string, shape: SampleShape | undefined): readonly [number, number, number] {
  if (shape?.length !== 3) {
    throw misfit(`${op} has an input of shape [${shape}]; expected [height, width, channels]`);
  }
  return shape as unknown as readonly [number, number, number];
}

/** Extents after a sliding window (TensorFlow's SAME, VALID and EXPLICIT). Throws `invalid-argument` when nothing would remain. */
export function windowedSize(
  op: string,
  image: readonly [number, number, number],
  { kernelSize, strides, padding, dilation }: WindowAttributes,
): Size2D {
  const extent = (axis: 0 | 1): number => {
    const reach = (kernelSize[axis] - 1) * dilation[axis] + 1;
    const [before, after] = typeof padding === "string" ? [0, 0] : padding[axis];
    const length = padding === "same" ? image[axis] : before + image[axis] + after - reach + 1;
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

/** An image with zeros at its edges, which then takes a window without padding; the same where there are none. */
export function withEdges(emit: GraphEmitter, image: string, padding: Padding): string {
  if (typeof padding === "string") return image;
  const rows = emit.intMatrix([[0, 0], ...padding, [0, 0]]);
  return emit.node("Pad", [image, rows], { T: "float", Tpaddings: "int32" });
}

/** The image's part of what `withEdges` made. */
export function withoutEdges(emit: GraphEmitter, image: string, padding: Padding, shape: SampleShape): string {
  if (typeof padding === "string") return image;
  const [[top], [left]] = padding;
  const range = [emit.ints([0, top, left, 0]), emit.ints([-1, ...shape])];
  return emit.node("Slice", [image, ...range], { T: "float", Index: "int32" });
}

/** A window's attributes, and its image's shape, once `withEdges` made the image. */
export function edged<Window extends { readonly padding: Padding }>(
  window: Window,
  shape: SampleShape,
): { readonly window: Window; readonly shape: SampleShape } {
  const { padding } = window;
  if (typeof padding === "string") return { window, shape };
  const [[top, bottom], [left, right]] = padding;
  const [height = 1, width = 1, channels = 1] = shape;
  return { window: { ...window, padding: "valid" }, shape: [top + height + bottom, left + width + right, channels] };
}

/** Bytes of the copy that `withEdges` makes for each sample. */
export function edgedBytes(window: { readonly padding: Padding }, shape: SampleShape): AffineBytes {
  return typeof window.padding === "string" ? NO_BYTES : activationBytes(edged(window, shape).shape);
}

/** The attributes that say a padding to TensorFlow's kernels. */
export function paddingAttributes(padding: Padding): Attributes {
  if (typeof padding === "string") return { padding: attr.text(padding.toUpperCase()) };
  return { padding: attr.text("EXPLICIT"), explicit_paddings: attr.ints([0, 0, ...padding.flat(), 0, 0]) };
}
