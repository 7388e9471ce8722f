import { MpoError } from "@mpo/core";
import { arranged, type Constant } from "./constants.ts";
import type { Draft, Parameter } from "./draft.ts";
import { type Atom, shapeOf, type Variable } from "./layout.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { padded, settled } from "./placing.ts";
import type { Arrange } from "./source.ts";
import type { Value } from "./values.ts";

/** What is known while the nodes of a file are gone through, in its order. */
export class ImportState {
  readonly draft: Draft;
  readonly batch: Atom;
  /** The version of ONNX's own operators. */
  readonly opset: number;
  /** What was assumed, for a person. */
  readonly notes = new Set<string>();
  readonly #values = new Map<string, Value>();
  readonly #readers: ReadonlyMap<string, readonly OnnxNode[]>;
  readonly #makers: ReadonlyMap<string, OnnxNode>;

  constructor(draft: Draft, batch: Atom, opset: number, nodes: readonly OnnxNode[]) {
    this.draft = draft;
    this.batch = batch;
    this.opset = opset;
    const readers = new Map<string, OnnxNode[]>();
    for (const node of nodes) {
      for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node]);
    }
    this.#readers = readers;
    this.#makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  }

  /** The node that gives a value; undefined: the model's input, or a tensor of the file. */
  makerOf(name: string): OnnxNode | undefined {
    return this.#makers.get(name);
  }

  /** The nodes that read a value. */
  readersOf(name: string): readonly OnnxNode[] {
    return this.#readers.get(name) ?? [];
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  find(name: string): Value | undefined {
    return this.#values.get(name);
  }

  /** The value of a node's input. Throws `invalid-data`: it is named, but nobody gives it. */
  value({ name, inputs }: OnnxNode, index: number): Value {
    const input = inputs[index] ?? "";
    const value = this.#values.get(input);
    if (value === undefined)
      throw new MpoError("invalid-data", `node "${name}" reads "${input}", which is not before it`);
    return value;
  }

  /** Whether an input is there; the last ones may be left out, others be empty. */
  has({ inputs }: OnnxNode, index: number): boolean {
    return (inputs[index] ?? "") !== "";
  }

  constant(node: OnnxNode, index: number): Constant {
    const value = this.value(node, index);
    if (value.kind === "constant") return value;
    throw notSupported(node, `its input ${index + 1} is calculated from the model's input; expected a constant`);
  }

  /** A constant of whole numbers, as shapes and axes are. */
  ints(node: OnnxNode, index: number): readonly number[] {
    return Array.from(this.constant(node, index).values);
  }

  /** A constant of one number. */
  scalar(node: OnnxNode, index: number): number {
    const { values } = this.constant(node, index);
    if (values.length !== 1)
      throw notSupported(node, `its input ${index + 1} has ${values.length} numbers; expected one`);
    return values[0]!;
  }

  /** What the engine calculates, with nothing left to be done to it but a cut and a factor. */
  variable(node: OnnxNode, index: number): Variable {
    const value = this.value(node, index);
    if (value.kind === "variable") return value;
    if (value.kind === "padded") return padded(this, value, node);
    if (value.kind === "constant") throw notSupported(node, `its input ${index + 1} is constant`);
    throw notSupported(
      node,
      value.kind === "scores"
        ? "it uses products of two calculated tensors; expected attention: softmax(scale * Q K') V without a mask"
        : "it uses a tensor that was repeated along an axis",
    );
  }

  /** The same, calculated; who reads it later reads what was calculated, too. */
  settled(node: OnnxNode, index: number): Variable {
    const value = settled(this, this.variable(node, index));
    this.set(node.inputs[index]!, value);
    return value;
  }

  /** A variable of the engine from a constant input. */
  parameter(node: OnnxNode, index: number, arrange: Arrange = (same) => same): Parameter {
    const read = this.constant(node, index);
    const { values } = arranged(read, read.shape, arrange);
    const source = { use: node.uses[index]!, shape: read.shape, arrange, ...(read.origin && { origin: read.origin }) };
    if (!(values instanceof Float32Array)) throw notSupported(node, `its input ${index + 1} has no floats`);
    return { values, source };
  }

  shape(node: OnnxNode, index: number): readonly number[] {
    const value = this.value(node, index);
    if (value.kind === "constant" || value.kind === "expanded") return value.shape;
    if (value.kind === "variable") return shapeOf(value);
    if (value.kind === "scores") throw notSupported(node, "it reads the shape of an attention's scores");
    const [height = 1, width = 1] = shapeOf(value.base).slice(2);
    const [[top, bottom], [left, right]] = value.edges;
    return [...shapeOf(value.base).slice(0, 2), top + height + bottom, left + width + right];
  }

  note(text: string): void {
    this.notes.add(text);
  }
}
