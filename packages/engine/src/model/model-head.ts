import { MpoError } from "@mpo/core";
import { sampleShapes } from "./graph-shapes.ts";
import {
  elementsOf,
  type ModelGraph,
  type ModelNode,
  type OpAttributes,
  type OpKind,
  type SampleShape,
} from "./model-graph.ts";

/** The end of a model: how its outputs become classes. Losses, judges and estimates read logits by it, and by it alone. */
export interface ModelHead {
  /** The model up to its logits: what is trained and evaluated. */
  readonly nodes: readonly ModelNode[];
  readonly classes: number;
  /** What makes probabilities of the last node's values; a sigmoid's one value z: two classes, with logits 0 and z. */
  readonly ending: "softmax" | "sigmoid" | undefined;
  /** The layer that makes the logits from features, as a dense layer does; absent: they are made otherwise. */
  readonly classifier: string | undefined;
}

/** What changes numbers by what was learned: logits may come from here, whatever was done to its inputs. */
const LEARNED: ReadonlySet<OpKind> = new Set(["dense", "conv2d", "depthwiseConv2d"]);

/**
 * Finds a model's logits: what its last softmax or sigmoid reads, wherever that stands. What follows it does nothing to
 * probabilities (reshape, linear activation, dropout outside training) and is left out, or reads the logits instead.
 * Throws `unsupported` when the outputs are no classes' logits or probabilities: such a model would be trained wrongly.
 */
export function headOf(graph: ModelGraph): ModelHead {
  if (graph.nodes.at(-1)?.name !== graph.output) {
    throw new MpoError("invalid-argument", `model ${graph.name}: its output ${graph.output} is not its last node`);
  }
  const shapes = sampleShapes(graph);
  const outputs = elementsOf(shapes.get(graph.output)!);
  const end = graph.nodes.findLastIndex((node) => !isPlain(node));
  const { name, inputs, ending, axis } = endingOf(graph.nodes[end]!);
  if (ending === undefined) requireLogits(graph, outputs);
  const summed = shapes.get(name)!.at(axis)!;
  if (ending === "sigmoid" && outputs > 1) {
    throw refusal(graph, `it ends in ${outputs} sigmoids, which is several labels for one input`);
  }
  if (ending === "softmax" && (summed < outputs || outputs < 2)) {
    throw refusal(graph, `its ${outputs} outputs are in softmaxes of ${summed}; expected one, of two or more`);
  }
  const reshape = graph.nodes
    .slice(end)
    .filter(({ kind }) => kind === "reshape")
    .slice(-1);
  const undone = [...graph.nodes.slice(0, end), ...reshape.map((node) => ({ ...node, inputs }))];
  const nodes = ending === undefined ? graph.nodes : undone;
  return { nodes, ending, classes: ending === "sigmoid" ? 2 : outputs, classifier: classifierOf(nodes, shapes) };
}

interface Ending extends Pick<ModelNode, "name" | "inputs">, Pick<ModelHead, "ending"> {
  /** Over which it sums. */
  readonly axis: number;
}

function endingOf(node: ModelNode): Ending {
  const attributes: Partial<OpAttributes["activation"]> = node.kind === "activation" ? node.attributes : {};
  const { function: activation, axis = -1 } = attributes;
  return { ...node, axis, ending: activation === "softmax" || activation === "sigmoid" ? activation : undefined };
}

/** Does nothing to a prediction but to give it another shape. */
function isPlain({ kind, attributes }: ModelNode): boolean {
  return kind === "reshape" || kind === "dropout" || (kind === "activation" && attributes.function === "linear");
}

/** Throws unless the outputs are learned layers' own: no features, no mean of several softmaxes. */
function requireLogits(graph: ModelGraph, outputs: number): void {
  const reached = new Set([graph.output]);
  for (const node of graph.nodes.toReversed()) {
    if (!reached.has(node.name) || LEARNED.has(node.kind)) continue;
    if (node.kind === "prelu" || (node.kind === "activation" && !isPlain(node))) {
      const what = node.kind === "prelu" ? node.kind : node.attributes.function;
      throw refusal(graph, `its outputs come from "${node.name}" (${what}), with no dense layer since`);
    }
    for (const input of node.inputs) reached.add(input);
  }
  if (outputs < 2) throw refusal(graph, "its one output has no sigmoid, so it is a number and no class");
}

/** A dense layer, or a convolution that does what one does: of 1x1, on a map of 1x1. Its kernel lies in the same order. */
function classifierOf(nodes: readonly ModelNode[], shapes: ReadonlyMap<string, SampleShape>): string | undefined {
  const made = nodes.findLast((node) => !isPlain(node))!;
  const features = shapes.get(made.inputs[0] ?? made.name)!;
  const isDense = made.kind === "conv2d" ? isPointwise(made.attributes) : made.kind === "dense";
  return isDense && elementsOf(features) === features.at(-1) ? made.name : undefined;
}

function isPointwise({ kernelSize, groups }: OpAttributes["conv2d"]): boolean {
  return elementsOf(kernelSize) === 1 && groups === 1;
}

function refusal({ name }: ModelGraph, why: string): MpoError {
  return new MpoError("unsupported", `model "${name}" gives no classes: ${why}`, {
    hint:
      "Supported are models that end in a dense or convolution layer of two or more outputs (logits), in one softmax of " +
      "them, or in one output's sigmoid (two classes), and then in reshape, flatten, linear activation or dropout alone.",
  });
}
