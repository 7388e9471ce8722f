import type { OpAttributes, OpKind, SampleShape } from "../model-graph.ts";
import type { OnnxDocument } from "./onnx-document.ts";

/**
 * How a tensor lies in the ONNX graph: `image`: a sample `[h, w, c]` as `[c, h, w]`, as ONNX's windows and normalisations
 * want it; `plain`: as in the engine. Samples of other ranks are always plain.
 */
export type Layout = "image" | "plain";

/** What an operation can ask of its place. Shapes are those of the engine, without the batch. */
export interface OpPlace<Kind extends OpKind> {
  readonly name: string;
  readonly attributes: OpAttributes[Kind];
  readonly inputShapes: readonly SampleShape[];
  readonly outputShape: SampleShape;
  /** How the inputs lie. */
  readonly layouts: readonly Layout[];
  readonly document: OnnxDocument;
  /** Name of an input in a layout; a Transpose is put in where it lies otherwise. */
  readonly as: (layout: Layout, position?: number) => string;
  /** Values of a variable of the node, by the last part of its name; undefined: it has none. */
  readonly weight: (variable: string) => Float32Array | undefined;
}

/** Writes the nodes of an operation, the last of which computes `place.name`, and gives the layout of that. */
export type OpExport<Kind extends OpKind> = (place: OpPlace<Kind>) => Layout;

/** Adds a variable's values under its name: initializers are called as the engine's variables. */
export function variable(
  { name, document, weight }: Pick<OpPlace<OpKind>, "name" | "document" | "weight">,
  part: string,
  dims: readonly number[],
  arrange: (values: Float32Array) => Float32Array = (values) => values,
): string | undefined {
  const values = weight(part);
  return values && document.floats(`${name}/${part}`, dims, arrange(values));
}

/** One number, as an initializer of a node. */
export function scalar(
  { name, document }: Pick<OpPlace<OpKind>, "name" | "document">,
  ending: string,
  value: number,
): string {
  return document.floats(document.helper(name, ending), [], Float32Array.of(value));
}

/** Whether a sample is an image, which may lie channels first. */
export function isImage(shape: SampleShape | undefined): boolean {
  return shape?.length === 3;
}

/** The layout of elementwise operations: an input that lies as an image keeps its layout. */
export function sharedLayout({ layouts }: Pick<OpPlace<OpKind>, "layouts">): Layout {
  return layouts.includes("image") ? "image" : "plain";
}

/** Where an axis of an image's sample lies in ONNX, batch and channels first. */
const IMAGE_AXES = [2, 3, 1];

/** An axis of a sample in ONNX's tensor. */
export function axisOf(layout: Layout, axis: number): number {
  return layout === "image" ? IMAGE_AXES[axis]! : axis + 1;
}
