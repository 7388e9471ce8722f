import { sampleShapes } from "../graph-shapes.ts";
import type { EdgePadding, ModelGraph, ModelNode, Size2D } from "../model-graph.ts";

type Padded = Extract<ModelNode, { kind: "conv2d" | "depthwiseConv2d" | "maxPool" | "avgPool" }>;

/**
 * A zoo model with strided windows padded as PyTorch pads them, by half a window on each side, instead of TensorFlow's way
 * ("same"), which puts the odd one after the image. A mean is not padded at all. Windows of stride 1 are the same in both.
 */
export function withEvenPads(graph: ModelGraph): ModelGraph {
  const nodes = graph.nodes.map((node): ModelNode => {
    if (!isStrided(node)) return node;
    const [vertical, horizontal] = windowOf(node).map((extent) => Math.floor(extent / 2)) as [number, number];
    const isPadded = node.kind !== "avgPool" && vertical + horizontal > 0;
    const even: EdgePadding = [
      [vertical, vertical],
      [horizontal, horizontal],
    ];
    return { ...node, attributes: { ...node.attributes, padding: isPadded ? even : "valid" } } as Padded;
  });
  return { ...graph, nodes };
}

/** Whether some strided window is padded unevenly, so that the model's outputs are not those of the same one in PyTorch. */
export function hasUnevenPads(graph: ModelGraph): boolean {
  const shapes = sampleShapes(graph);
  return graph.nodes.some((node) => {
    if (!isStrided(node)) return false;
    const { strides } = node.attributes;
    const image = shapes.get(node.inputs[0]!)!;
    return windowOf(node).some((reach, axis) => {
      const windows = Math.ceil(image[axis]! / strides[axis]!);
      return Math.max(0, (windows - 1) * strides[axis]! + reach - image[axis]!) % 2 === 1;
    });
  });
}

function isStrided(node: ModelNode): node is Padded {
  const isWindow =
    node.kind === "conv2d" || node.kind === "depthwiseConv2d" || node.kind === "maxPool" || node.kind === "avgPool";
  return isWindow && node.attributes.padding === "same" && node.attributes.strides.some((stride) => stride > 1);
}

function windowOf(node: Padded): Size2D {
  return "poolSize" in node.attributes ? node.attributes.poolSize : node.attributes.kernelSize;
}
