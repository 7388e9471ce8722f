import { MpoError } from "@mpo/core";
import { inputShapesOf, nodeShape } from "./graph-shapes.ts";
import type { ModelGraph, ModelNode, OpKind, SampleShape } from "./model-graph.ts";

/** How many inputs a kind of operation takes; `concat` takes two or more. */
const INPUT_COUNTS: Readonly<Record<OpKind, readonly [number, number]>> = {
  input: [0, 0],
  conv2d: [1, 1],
  depthwiseConv2d: [1, 1],
  dense: [1, 1],
  batchNorm: [1, 1],
  groupNorm: [1, 1],
  activation: [1, 1],
  add: [2, 2],
  multiply: [2, 2],
  concat: [2, Number.POSITIVE_INFINITY],
  maxPool: [1, 1],
  avgPool: [1, 1],
  globalAvgPool: [1, 1],
  zeroPad: [1, 1],
  reshape: [1, 1],
  dropout: [1, 1],
};

/** What TensorFlow accepts as the name of an operation. */
const NAME_PATTERN = /^[A-Za-z0-9.][A-Za-z0-9_.\-/]*$/;

/**
 * Checks everything that the type of a graph cannot say: names, order, number of inputs, attributes, shapes, that the
 * one output is `[classes]` and that each node leads to it. Throws `invalid-argument` naming the node.
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
    throw new MpoError("invalid-argument", `model "${graph.name}": output "${graph.output}" is no node of it`);
  }
  if (output.length !== 1) {
    throw new MpoError(
      "invalid-argument",
      `model "${graph.name}": output "${graph.output}" has shape [${output}] for a sample; expected [classes]`,
      { hint: "Put a global average pooling or a flatten, and a dense layer, at its end." },
    );
  }
  checkAllUsed(graph);
}

/** Checks one node against the shapes of its inputs. Throws `invalid-argument`. */
export function checkNode(node: ModelNode, inputShapes: readonly SampleShape[]): void {
  const [fewest, most] = INPUT_COUNTS[node.kind];
  if (node.inputs.length < fewest || node.inputs.length > most) {
    const expected = fewest === most ? `${fewest}` : `at least ${fewest}`;
    throw problem(node, `has ${node.inputs.length} inputs; expected ${expected}`);
  }
  for (const [name, value] of sizes(node)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw problem(node, `has ${name} ${value}; expected whole numbers from 1`);
    }
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
  if (node.kind === "zeroPad" && node.attributes.padding.flat().some((extent) => !(extent >= 0))) {
    throw problem(node, `has padding ${JSON.stringify(node.attributes.padding)}; expected none below 0`);
  }
  if ((node.kind === "batchNorm" || node.kind === "groupNorm") && !(node.attributes.epsilon > 0)) {
    throw problem(node, `has epsilon ${node.attributes.epsilon}; expected more than 0`);
  }
  if (node.kind === "batchNorm" && !(node.attributes.momentum >= 0 && node.attributes.momentum <= 1)) {
    throw problem(node, `has momentum ${node.attributes.momentum}; expected 0 to 1`);
  }
}

function checkName(node: ModelNode, earlier: ReadonlyMap<string, SampleShape>): void {
  if (earlier.has(node.name)) throw problem(node, "has the name of an earlier node; expected a name of its own");
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

/** Attributes that count something. */
function sizes(node: ModelNode): readonly (readonly [string, number])[] {
  const all = (name: string, values: readonly number[]): (readonly [string, number])[] =>
    values.map((value) => [name, value] as const);
  switch (node.kind) {
    case "input":
    case "reshape":
      return all("shape", node.attributes.shape);
    case "conv2d":
    case "depthwiseConv2d": {
      const { kernelSize, strides, dilation } = node.attributes;
      const own =
        node.kind === "conv2d"
          ? [...all("filters", [node.attributes.filters]), ...all("groups", [node.attributes.groups])]
          : all("depthMultiplier", [node.attributes.depthMultiplier]);
      return [...all("kernelSize", kernelSize), ...all("strides", strides), ...all("dilation", dilation), ...own];
    }
    case "dense":
      return all("units", [node.attributes.units]);
    case "groupNorm":
      return all("groups", [node.attributes.groups]);
    case "maxPool":
    case "avgPool":
      return [...all("poolSize", node.attributes.poolSize), ...all("strides", node.attributes.strides)];
    case "batchNorm":
    case "activation":
    case "add":
    case "multiply":
    case "concat":
    case "globalAvgPool":
    case "zeroPad":
    case "dropout":
      return [];
  }
}

function problem(node: ModelNode, text: string): MpoError {
  return new MpoError("invalid-argument", `node "${node.name}" (${node.kind}) ${text}`);
}
