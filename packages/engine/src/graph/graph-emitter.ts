import { remembered } from "@mpo/core";
import { type Attributes, attr, type NodeDef } from "./graph-proto.ts";

/**
 * Builds a TensorFlow graph node by node. While a fence is set, every new node waits for it by a control edge: so the
 * executor follows the plan's order, and recomputed nodes are not merged with the first ones by graph optimisers.
 */
export class GraphEmitter {
  readonly #nodes: NodeDef[] = [];
  readonly #constants = new Map<string, string>();
  readonly #batchShapes = new Map<string, string>();
  readonly #asides: string[] = [];
  #batch: string | undefined;
  #fence: string | undefined;
  #last: string | undefined;

  get nodes(): readonly NodeDef[] {
    return this.#nodes;
  }

  /** Adds a node; returns its name, which is also its first output. `inputs` may hold `name:k` and `^name`. */
  node(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = `n${this.#nodes.length}_${op}`;
    return this.named(name, op, inputs, attributes);
  }

  /** Like `node`, with a name that a session run refers to. */
  named(name: string, op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const waits = this.#fence !== undefined && !inputs.some((tensor) => nodeOf(tensor) === this.#fence);
    const input = waits ? [...inputs, `^${this.#fence}`] : inputs;
    const given = Object.entries(attributes).map(
      ([key, value]) => [key, typeof value === "string" ? attr.type(value) : value] as const,
    );
    this.#nodes.push({ name, op, input, attr: Object.fromEntries(given) });
    this.#last = name;
    return name;
  }

  /** Runs `emit` after a fence on everything emitted since the last one; used for each instruction of a plan. */
  fenced<Result>(emit: () => Result): Result {
    this.#last = undefined;
    const result = emit();
    if (this.#last !== undefined) this.#fence = this.#last;
    return result;
  }

  /**
   * Emits nodes that hang on tensors of this instruction while the next instruction does not wait for them (moving
   * statistics). They are in `asides`, for somebody to wait for in the end.
   */
  aside(emit: () => void): void {
    const last = this.#last;
    this.unfenced(emit);
    if (this.#last !== undefined && this.#last !== last) this.#asides.push(this.#last);
    this.#last = last;
  }

  /** Last nodes of what was emitted aside. */
  get asides(): readonly string[] {
    return this.#asides;
  }

  /** Starts a part of the graph that waits for nothing (another signature). */
  unfenced<Result>(emit: () => Result): Result {
    return this.after(undefined, emit);
  }

  /** Starts a part of the graph that waits for a node alone, not for the fence. */
  after<Result>(node: string | undefined, emit: () => Result): Result {
    const fence = this.#fence;
    this.#fence = node;
    try {
      return emit();
    } finally {
      this.#fence = fence;
    }
  }

  /** What is emitted from here on waits for nothing: another signature begins. */
  endFence(): void {
    this.#fence = undefined;
  }

  /** Name of the last node emitted after a fence: waiting for it waits for all. */
  get fence(): string | undefined {
    return this.#fence;
  }

  ints(values: readonly number[]): string {
    return this.#constant("int32", [values.length], values);
  }

  intMatrix(rows: readonly (readonly number[])[]): string {
    return this.#constant("int32", [rows.length, rows[0]?.length ?? 0], rows.flat());
  }

  floats(values: readonly number[]): string {
    return this.#constant("float", [values.length], values);
  }

  int(value: number): string {
    return this.#constant("int32", [], [value]);
  }

  float(value: number): string {
    return this.#constant("float", [], [value]);
  }

  /** A two-argument or one-argument float op. */
  float32(op: string, ...inputs: readonly string[]): string {
    return this.node(op, inputs, { T: "float" });
  }

  /** Reshape to `shape` with the batch left open: `[-1, ...shape]`. */
  reshape(tensor: string, shape: readonly number[]): string {
    return this.node("Reshape", [tensor, this.ints(shape)], { T: "float", Tshape: "int32" });
  }

  /** Scalar int32 tensor with the number of samples in the micro-batch; shapes are made from it. */
  setBatch(tensor: string): void {
    this.#batch = tensor;
  }

  get batch(): string {
    if (this.#batch === undefined) throw new Error("setBatch comes before batch");
    return this.#batch;
  }

  /** int32 tensor `[batch, ...shape]`; made once for each shape. */
  batchShape(shape: readonly number[]): string {
    return remembered(this.#batchShapes, shape.join(","), () =>
      this.unfenced(() => {
        const last = this.#last;
        const parts = [this.batch, ...shape.map((extent) => this.int(extent))];
        const name = this.node("Pack", parts, { N: attr.int(parts.length), T: "int32", axis: attr.int(0) });
        this.#last = last;
        return name;
      }),
    );
  }

  /** Sum over axes. */
  sum(tensor: string, axes: readonly number[], keepDims: boolean): string {
    return this.#reduce("Sum", tensor, axes, keepDims);
  }

  mean(tensor: string, axes: readonly number[], keepDims: boolean): string {
    return this.#reduce("Mean", tensor, axes, keepDims);
  }

  least(tensor: string, axes: readonly number[], keepDims: boolean): string {
    return this.#reduce("Min", tensor, axes, keepDims);
  }

  most(tensor: string, axes: readonly number[], keepDims: boolean): string {
    return this.#reduce("Max", tensor, axes, keepDims);
  }

  #reduce(op: string, tensor: string, axes: readonly number[], keepDims: boolean): string {
    return this.node(op, [tensor, this.ints(axes)], { T: "float", Tidx: "int32", keep_dims: attr.bool(keepDims) });
  }

  #constant(type: "int32" | "float", shape: readonly number[], values: readonly number[]): string {
    const key = `${type}[${shape.join(",")}]=${values.join(",")}`;
    return remembered(this.#constants, key, () => {
      const content = type === "int32" ? Int32Array.from(values) : Float32Array.from(values);
      const name = `const${this.#constants.size}`;
      const value = attr.tensor(type, shape, new Uint8Array(content.buffer));
      this.#nodes.push({ name, op: "Const", input: [], attr: { dtype: attr.type(type), value } });
      return name;
    });
  }
}

function nodeOf(tensor: string): string {
  return tensor.split(":")[0]!;
}
