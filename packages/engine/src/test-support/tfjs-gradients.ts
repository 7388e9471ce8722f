import "./quiet-tensorflow.ts";
import * as tf from "@tensorflow/tfjs-node";
import { elementsOf, type ModelGraph, type ModelNode, type ModelWeights, type Size2D } from "../model/model-graph.ts";
import { headOf } from "../model/model-head.ts";
import { graphVariables } from "../model/variables.ts";
import type { TestSamples } from "./engine-run.ts";
import { forwardWithTfjs } from "./evaluate-with-tfjs.ts";

/** Scalar loss of logits `[b, classes]`. */
export type TfjsLoss = (logits: tf.Tensor2D, labels: Int32Array) => tf.Scalar;

/** Mean cross-entropy; a label of -1 counts for nothing. */
export const tfjsCrossEntropy: TfjsLoss = (logits, labels) => {
  const classes = logits.shape[1];
  const targets = tf.buffer([labels.length, classes]);
  labels.forEach((label, row) => {
    if (label >= 0) targets.set(1, row, label);
  });
  return tf.neg(tf.div(tf.sum(tf.mul(targets.toTensor(), tf.logSoftmax(logits))), labels.length));
};

/** Loss and gradients of all trainable parameters by tfjs' own automatic differentiation, in training mode. */
export function tfjsGradients(
  graph: ModelGraph,
  weights: ModelWeights,
  samples: TestSamples,
  loss: TfjsLoss = tfjsCrossEntropy,
): { readonly loss: number; readonly gradients: ModelWeights } {
  const { nodes } = headOf(graph);
  const logits: ModelGraph = { ...graph, nodes: nodes.map(undilated), output: nodes.at(-1)?.name ?? "" };
  const dilations = new Map(nodes.map((node) => [node.name, dilationOf(node)]));
  const variables = new Map<string, tf.Variable>();
  for (const { name, spec } of graphVariables(graph)) {
    if (spec.trainable) variables.set(name, tf.variable(tf.tensor(values(weights, name), [...spec.shape]), true, name));
  }
  try {
    const source = (name: string, shape: readonly number[]): tf.Tensor => {
      const variable = variables.get(name);
      if (variable === undefined) return tf.tensor(values(weights, name), [...shape]);
      const dilation = dilations.get(name.slice(0, name.lastIndexOf("/"))) ?? [1, 1];
      return variable.rank === 4 && elementsOf(dilation) > 1 ? spread(variable as tf.Tensor4D, dilation) : variable;
    };
    const { value, grads } = tf.variableGrads(() =>
      loss(forwardWithTfjs(tf, logits, source, samples.images, "batch") as tf.Tensor2D, samples.labels),
    );
    const gradients = new Map(
      [...variables.keys()].map((name) => [name, grads[name]?.dataSync() as Float32Array] as const),
    );
    const result = { loss: value.dataSync()[0] as number, gradients };
    tf.dispose([value, grads]);
    return result;
  } finally {
    tf.dispose([...variables.values()]);
  }
}

function values(weights: ModelWeights, name: string): Float32Array {
  return weights.get(name) as Float32Array;
}

function dilationOf(node: ModelNode): readonly [number, number] {
  return node.kind === "conv2d" || node.kind === "depthwiseConv2d" ? node.attributes.dilation : [1, 1];
}

/** tfjs cannot differentiate dilated convolutions, but plain ones with zeros between the kernel's elements. */
function undilated(node: ModelNode): ModelNode {
  if (node.kind !== "conv2d" && node.kind !== "depthwiseConv2d") return node;
  const { kernelSize, dilation } = node.attributes;
  const size: Size2D = [(kernelSize[0] - 1) * dilation[0] + 1, (kernelSize[1] - 1) * dilation[1] + 1];
  return { ...node, attributes: { ...node.attributes, kernelSize: size, dilation: [1, 1] } } as ModelNode;
}

function spread(kernel: tf.Tensor4D, [down, right]: readonly [number, number]): tf.Tensor4D {
  const [height, width, inputs, outputs] = kernel.shape;
  const apart = tf.pad(tf.reshape(kernel, [height, 1, width, 1, inputs * outputs]), [
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, right - 1],
    [0, 0],
  ]);
  const wide = tf.reshape(apart, [height * down, width * right, inputs, outputs]) as tf.Tensor4D;
  return tf.slice(wide, [0, 0, 0, 0], [(height - 1) * down + 1, (width - 1) * right + 1, inputs, outputs]);
}
