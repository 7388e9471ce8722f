import { MpoError } from "@mpo/core";
import { inputShapesOf, nodeShape } from "./graph-shapes.ts";
import type {
  ActivationName,
  EdgePadding,
  ModelGraph,
  ModelNode,
  OpAttributes,
  OpKind,
  Padding,
  SampleShape,
  Size2D,
  WindowAttributes,
} from "./model-graph.ts";
import { checkNode, validateGraph } from "./validate-graph.ts";

/** One extent for both axes, or `[height, width]`. */
export type Extent = number | Size2D;

export interface ConvOptions {
  readonly filters: number;
  readonly kernelSize: Extent;
  /** 1 unless given. */
  readonly strides?: Extent;
  /** "same" unless given. */
  readonly padding?: Padding;
  readonly dilation?: Extent;
  readonly groups?: number;
  /** False unless given: a normalisation usually follows. */
  readonly useBias?: boolean;
}

export type DepthwiseOptions = Omit<ConvOptions, "filters" | "groups"> & { readonly depthMultiplier?: number };

export interface PoolOptions {
  readonly poolSize: Extent;
  /** The pool size unless given. */
  readonly strides?: Extent;
  /** "same" unless given. */
  readonly padding?: Padding;
}

export type AveragePoolOptions = PoolOptions & { readonly padding?: "same" | "valid" };

/**
 * Writes a `ModelGraph` node by node; each method returns the name of its node. Attributes and shapes are checked at
 * once, so a mistake throws `invalid-argument` at its own line.
 */
export class GraphBuilder {
  /** Name of the input node. */
  readonly input: string;
  readonly #name: string;
  readonly #nodes: ModelNode[] = [];
  readonly #shapes = new Map<string, SampleShape>();

  constructor(name: string, inputShape: SampleShape, inputName = "input") {
    this.#name = name;
    this.input = inputName;
    this.append("input", [], { shape: inputShape }, this.input);
  }

  shapeOf(node: string): SampleShape {
    const shape = this.#shapes.get(node);
    if (shape === undefined) throw new MpoError("invalid-argument", `graph builder: there is no node "${node}" yet`);
    return shape;
  }

  /** Last extent of a node's sample shape. */
  channelsOf(node: string): number {
    return this.shapeOf(node).at(-1) ?? 0;
  }

  /** Adds a node of any kind with all its attributes. */
  append<Kind extends OpKind>(
    kind: Kind,
    inputs: readonly string[],
    attributes: OpAttributes[Kind],
    name: string,
  ): string {
    if (this.#shapes.has(name)) {
      throw new MpoError("invalid-argument", `graph builder: a second node is named "${name}"`);
    }
    const node = { name, kind, inputs, attributes } as unknown as ModelNode;
    const inputShapes = inputShapesOf(node, this.#shapes);
    checkNode(node, inputShapes);
    this.#shapes.set(name, nodeShape(node, inputShapes));
    this.#nodes.push(node);
    return name;
  }

  conv2d(x: string, options: ConvOptions, name: string): string {
    const { filters, groups = 1, useBias = false } = options;
    return this.append("conv2d", [x], { filters, ...windowOf(options), groups, useBias }, name);
  }

  depthwiseConv2d(x: string, options: DepthwiseOptions, name: string): string {
    const { depthMultiplier = 1, useBias = false } = options;
    return this.append("depthwiseConv2d", [x], { ...windowOf(options), depthMultiplier, useBias }, name);
  }

  /** With bias unless said otherwise. */
  dense(x: string, units: number, name: string, useBias = true): string {
    return this.append("dense", [x], { units, useBias }, name);
  }

  /** A projection of an attention, with bias: of the class of feature extraction. */
  projection(x: string, units: number, name: string): string {
    return this.append("dense", [x], { units, useBias: true, partOf: "attention" }, name);
  }

  /** Of packed q, k and v, or of the three; scaled by the root of a head's width. */
  attention(inputs: readonly string[], heads: number, name: string): string {
    const width = this.channelsOf(inputs[0] ?? "") / (inputs.length === 1 ? 3 : 1);
    return this.append("attention", inputs, { heads, scale: 1 / Math.sqrt(width / heads) }, name);
  }

  /** With scale and centre. `momentum` is the share of the old value that the moving statistics keep. */
  batchNorm(x: string, options: { readonly epsilon: number; readonly momentum: number }, name: string): string {
    const { epsilon, momentum } = options;
    return this.append("batchNorm", [x], { epsilon, momentum, scale: true, center: true }, name);
  }

  /** With scale and centre. */
  groupNorm(x: string, options: { readonly groups: number; readonly epsilon: number }, name: string): string {
    const { groups, epsilon } = options;
    return this.append("groupNorm", [x], { groups, epsilon, scale: true, center: true }, name);
  }

  /** With scale and centre. */
  layerNorm(x: string, epsilon: number, name: string): string {
    return this.append("layerNorm", [x], { epsilon, scale: true, center: true }, name);
  }

  l2Normalise(x: string, epsilon: number, name: string): string {
    return this.append("l2Normalise", [x], { epsilon }, name);
  }

  layerScale(x: string, name: string): string {
    return this.append("layerScale", [x], {}, name);
  }

  classToken(x: string, name: string): string {
    return this.append("classToken", [x], {}, name);
  }

  positions(x: string, name: string): string {
    return this.append("positions", [x], {}, name);
  }

  activation(x: string, activation: ActivationName, name: string): string {
    return this.append("activation", [x], { function: activation }, name);
  }

  add(left: string, right: string, name: string): string {
    return this.append("add", [left, right], {}, name);
  }

  /** `gate` may be repeated, as `[1, 1, channels]` is. */
  multiply(x: string, gate: string, name: string): string {
    return this.append("multiply", [x, gate], {}, name);
  }

  concat(inputs: readonly string[], name: string): string {
    return this.append("concat", inputs, {}, name);
  }

  maxPool(x: string, options: PoolOptions, name: string): string {
    return this.append("maxPool", [x], poolOf(options), name);
  }

  avgPool(x: string, options: AveragePoolOptions, name: string): string {
    const { padding = "same" } = options;
    return this.append("avgPool", [x], { ...poolOf(options), padding }, name);
  }

  globalAvgPool(x: string, name: string, keepDims = false): string {
    return this.append("globalAvgPool", [x], { keepDims }, name);
  }

  reduce(x: string, options: OpAttributes["reduce"], name: string): string {
    return this.append("reduce", [x], options, name);
  }

  zeroPad(x: string, padding: EdgePadding, name: string): string {
    return this.append("zeroPad", [x], { padding }, name);
  }

  reshape(x: string, shape: SampleShape, name: string): string {
    return this.append("reshape", [x], { shape }, name);
  }

  rearrange(x: string, options: OpAttributes["rearrange"], name: string): string {
    return this.append("rearrange", [x], options, name);
  }

  slice(x: string, options: OpAttributes["slice"], name: string): string {
    return this.append("slice", [x], options, name);
  }

  flatten(x: string, name: string): string {
    return this.reshape(x, [this.shapeOf(x).reduce((product, extent) => product * extent, 1)], name);
  }

  dropout(x: string, rate: number, name: string): string {
    return this.append("dropout", [x], { rate }, name);
  }

  /** The checked graph, with this node as its output. */
  build(output: string): ModelGraph {
    const graph: ModelGraph = { name: this.#name, nodes: [...this.#nodes], output };
    validateGraph(graph);
    return graph;
  }
}

function windowOf(options: Omit<ConvOptions, "filters">): WindowAttributes {
  return {
    kernelSize: pair(options.kernelSize),
    strides: pair(options.strides ?? 1),
    padding: options.padding ?? "same",
    dilation: pair(options.dilation ?? 1),
  };
}

function poolOf(options: PoolOptions): OpAttributes["maxPool"] {
  const poolSize = pair(options.poolSize);
  return {
    poolSize,
    strides: options.strides === undefined ? poolSize : pair(options.strides),
    padding: options.padding ?? "same",
  };
}

function pair(extent: Extent): Size2D {
  return typeof extent === "number" ? [extent, extent] : extent;
}
