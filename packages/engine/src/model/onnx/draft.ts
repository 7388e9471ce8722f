import { MpoError } from "@mpo/core";
import { GraphBuilder } from "../graph-builder.ts";
import { inputShapesOf, nodeShape } from "../graph-shapes.ts";
import type { Model, ModelNode, OpAttributes, OpKind, SampleShape } from "../model-graph.ts";
import type { Source } from "./source.ts";

/** A variable of the engine, and what of the file it is. */
export interface Parameter {
  readonly values: Float32Array;
  readonly source: Source;
}

type Parameters = Readonly<Record<string, Parameter>>;

/** What is said of a node when it is put: its kind, with its attributes and its variables. */
export interface Drafted {
  readonly node: ModelNode;
  readonly shape: SampleShape;
  readonly parameters: Parameters;
  /** It, or what it reads, has something to learn. */
  readonly isLearned: boolean;
}

/** An engine's graph while it is made; unlike in a builder's, a node may still get a bias. */
export class Draft {
  readonly input: string;
  readonly #name: string;
  readonly #nodes = new Map<string, Drafted>();
  readonly #shapes = new Map<string, SampleShape>();

  constructor(name: string, input: string, shape: SampleShape) {
    this.#name = name;
    this.input = this.put("input", [], { shape }, input);
  }

  /** Adds a node and gives its name: that which is wished, or one like it that is free. */
  put<Kind extends OpKind>(
    kind: Kind,
    inputs: readonly string[],
    attributes: OpAttributes[Kind],
    wish: string,
    parameters: Parameters = {},
  ): string {
    const name = this.#free(wish);
    const node = { name, kind, inputs, attributes } as unknown as ModelNode;
    const shape = nodeShape(node, inputShapesOf(node, this.#shapes));
    const isLearned = Object.keys(parameters).length > 0 || inputs.some((input) => this.get(input).isLearned);
    this.#nodes.set(name, { node, shape, parameters, isLearned });
    this.#shapes.set(name, shape);
    return name;
  }

  get(name: string): Drafted {
    const drafted = this.#nodes.get(name);
    if (drafted === undefined) throw new Error(`draft has no node ${name}`);
    return drafted;
  }

  shapeOf(name: string): SampleShape {
    return this.get(name).shape;
  }

  /** Gives a node other attributes and variables; its shape stays. */
  amend(name: string, attributes: object, parameters: Parameters): void {
    const drafted = this.get(name);
    const node = { ...drafted.node, attributes: { ...drafted.node.attributes, ...attributes } } as ModelNode;
    this.#nodes.set(name, { ...drafted, node, parameters: { ...drafted.parameters, ...parameters } });
  }

  /** The checked graph of all that leads to this node, its weights, and where each of them is from. */
  finish(output: string): Pick<Model, "graph" | "weights"> & { readonly sources: ReadonlyMap<string, Source> } {
    const used = new Set([output]);
    for (const [name, { node }] of [...this.#nodes].toReversed()) {
      if (used.has(name)) for (const input of node.inputs) used.add(input);
    }
    if (!used.has(this.input)) throw new MpoError("unsupported", "its output does not depend on its input");
    const input = this.get(this.input).node.attributes as OpAttributes["input"];
    const g = new GraphBuilder(this.#name, input.shape, this.input);
    const weights = new Map<string, Float32Array>();
    const sources = new Map<string, Source>();
    for (const [name, { node, parameters }] of this.#nodes) {
      if (!used.has(name)) continue;
      if (name !== this.input) g.append(node.kind, node.inputs, node.attributes, name);
      for (const [parameter, { values, source }] of Object.entries(parameters)) {
        weights.set(`${name}/${parameter}`, values);
        sources.set(`${name}/${parameter}`, source);
      }
    }
    return { graph: g.build(output), weights, sources };
  }

  #free(wish: string): string {
    const plain = wish.replaceAll(/[^A-Za-z0-9_.\-/]/g, "_").replace(/^[^A-Za-z0-9.]+/, "") || "node";
    let name = plain;
    for (let count = 2; this.#nodes.has(name); count++) name = `${plain}_${count}`;
    return name;
  }
}
