import type { NodeMessage, TensorMessage } from "./onnx-messages.ts";

/** Floats, whole numbers and truth values; the latter two in doubles, which hold the sizes of any tensor. */
export type Numbers = Float32Array | Float64Array;

/** Puts a tensor's numbers in another order, or takes some of them: of positions as of values. */
export type Arrange = <T extends Numbers | Int32Array>(values: T) => T;

/** Where a node of the file reads a tensor. */
export interface Use {
  readonly node: NodeMessage;
  readonly index: number;
}

/** How a variable is put back into the file. */
export interface Source {
  /** Where the file reads it, in which shape; there a new tensor is put if the old one is no such. */
  readonly use: Use;
  readonly shape: readonly number[];
  /** From the numbers that are read there to the variable's. */
  readonly arrange: Arrange;
  /** The tensor of the file that is read there, and from its numbers to those; absent: it was calculated. */
  readonly origin?: { readonly tensor: TensorMessage; readonly arrange: Arrange };
}
