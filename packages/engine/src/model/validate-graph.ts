import { MpoError } from "@mpo/core";
import { opDefinition } from "../ops/op-table.ts";
import { inputShapesOf, nodeShape } from "./graph-shapes.ts";
import type { ModelGraph, ModelNode, SampleShape } from "./model-graph.ts";
import { headOf } from "./model-head.ts";

/** Attributes that count something: a whole number from 1, or several. */
const SIZES: ReadonlySet<string> = new Set([
  ...["shape", "filters", "groups", "depthMultiplier", "units", "heads"],
  ...["kernelSize", "strides", "dilation", "poolSize", "factors", "split", "size"],
]);

/** What TensorFlow accepts as the name of an operation. */
const NAME_PATTERN = /^[A-Za-z0-9.][A-Za-z0-9_.\-/]*$/;

/**
 * Checks everything that the type of a graph cannot say: names, order, number of inputs, attributes, shapes, that the
 * one output is `[classes]` and that each node leads to it. Throws `invalid-argument` naming the node, and `unsupported`
 * when the outputs are no classes'.
 */
export function validateGraph(graph: ModelGraph): void {
  const shapes = new Map<string, SampleShape>();
  for (const [position, node] of graph.nodes.entries()) {
    checkName(node, shapes);
    if ((node.kind === "input") !== (position === 0)) {
      throw problem(node, `is at position ${position}; expected one input, and as the first node`);
    }
    const inputShapes = inputShapesOf(node, shapes);
    checkNode(node, inputShapes);
    shapes.set(node.name, nodeShape(node, inputShapes));
  }
  const output = shapes.get(graph.output);
  if (output === undefined) {
    throw new MpoError("invalid-argument", `model "${graph.name}": output "${graph.output}" is not one of its nodes`);
  }
  if (output.length !== 1) {
    throw new MpoError(
      "invalid-argument",
      `model "${graph.name}": output "${graph.output}" has shape [${output}] for a sample; expected [classes]`,
      { hint: "Put a global average pooling or a flatten, and a dense layer, at its end." },
    );
  }
  checkAllUsed(graph);
  headOf(graph);
}

/** Checks one node against the shapes of its inputs. Throws `invalid-argument`. */
export function checkNode(node: ModelNode, inputShapes: readonly SampleShape[]): void {
  const [fewest, most] = opDefinition(node.kind).inputCounts ?? [1, 1];
  if (node.inputs.length < fewest || node.inputs.length > most) {
    const expected = fewest === most ? `${fewest}` : `at least ${fewest}`;
    throw problem(node, `has ${node.inputs.length} inputs; expected ${expected}`);
  }
  for (const [name, sizes] of Object.entries(node.attributes)) {
    const wrong = SIZES.has(name) && [sizes].flat().find((value) => !Number.isSafeInteger(value) || value < 1);
    if (typeof wrong === "number") throw problem(node, `has ${name} ${wrong}; expected whole numbers from 1`);
  }
  if (node.kind === "conv2d") {
    const { groups, filters } = node.attributes;
    const channels = inputShapes[0]?.at(-1) ?? 0;
    if (channels % groups !== 0 || filters % groups !== 0) {
      throw problem(
        node,
        `has ${groups} groups; expected a divisor of ${channels} input channels and ${filters} filters`,
      );
    }
  }
  const { padding } = "padding" in node.attributes ? node.attributes : { padding: [] };
  if (typeof padding !== "string" && padding.flat().some((extent) => !(extent >= 0))) {
    throw problem(node, `has padding ${JSON.stringify(padding)}; expected 0 or more`);
  }
  if (node.kind === "attention" && !Number.isFinite(node.attributes.scale)) {
    throw problem(node, `has scale ${node.attributes.scale}; expected a number`);
  }
  if ("epsilon" in node.attributes && !(node.attributes.epsilon > 0)) {
    throw problem(node, `has epsilon ${node.attributes.epsilon}; expected more than 0`);
  }
  if (node.kind === "batchNorm" && !(node.attributes.momentum >= 0 && node.attributes.momentum <= 1)) {
    throw problem(node, `has momentum ${node.attributes.momentum}; expected 0 to 1`);
  }
}

function checkName(node: ModelNode, earlier: ReadonlyMap<string, SampleShape>): void {
  if (earlier.has(node.name)) throw problem(node, "has the name of an earlier node; expected a unique name");
  if (!NAME_PATTERN.test(node.name)) {
    throw problem(node, "has a name that TensorFlow would refuse; expected letters, digits and . _ - / only");
  }
}

function checkAllUsed(graph: ModelGraph): void {
  const used = new Set([graph.output]);
  for (const node of graph.nodes.toReversed()) {
    if (!used.has(node.name))
      throw problem(node, `is not used by the output "${graph.output}"; expected only used nodes`);
    for (const input of node.inputs) used.add(input);
  }
}

function problem(node: ModelNode, text: string): MpoError {
  return new MpoError("invalid-argument", `node "${node.name}" (${node.kind}) ${text}`);
}
