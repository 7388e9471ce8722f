import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import type { Model, ModelGraph, ModelNode, OpAttributes, Padding, SampleShape, Size2D } from "../model/model-graph.ts";
import type { TensorFlow } from "./group-normalization-layer.ts";
import { alignedPair, ofTokens, softmaxAlong } from "./tokens-with-tfjs.ts";

/**
 * Computes a model's output (inference) with plain TensorFlow.js operations, node by node: slow, simple, and
 * independent of both the engine's compiler and the layers format, so that either can be compared with it.
 * `images` holds samples of the graph's input shape one after the other; the result is `[samples * classes]`.
 */
export function evaluateWithTfjs(tf: TensorFlow, model: Model, images: Float32Array): Float32Array {
  const output = tf.tidy(() => {
    const weights: WeightSource = (name, shape) => tf.tensor(model.weights.get(name) as Float32Array, [...shape]);
    return forwardWithTfjs(tf, model.graph, weights, images, "moving");
  });
  const result = output.dataSync() as Float32Array;
  output.dispose();
  return result;
}

/** Gives the tensor of a variable, `<node>/<variable>`, in its shape. */
export type WeightSource = (name: string, shape: readonly number[]) => Tensor;

/**
 * The model's output as a tensor, node by node. Batch normalisation uses its moving statistics, or those of the batch
 * as in training; dropout keeps everything. Where the weights are tf.Variables, tfjs can differentiate it.
 */
export function forwardWithTfjs(
  tf: TensorFlow,
  graph: ModelGraph,
  weights: WeightSource,
  images: Float32Array,
  statistics: "moving" | "batch",
): Tensor {
  const values = new Map<string, Tensor>();
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values.get(input) as Tensor);
    values.set(
      node.name,
      node.kind === "input"
        ? batchOf(tf, images, node.attributes.shape)
        : compute(tf, node, inputs, weights, statistics),
    );
  }
  return values.get(graph.output) as Tensor;
}

function batchOf(tf: TensorFlow, images: Float32Array, shape: SampleShape): Tensor {
  return tf.tensor(
    images,
    [-1, ...shape].map((extent) => (extent === -1 ? images.length / product(shape) : extent)),
  );
}

function compute(
  tf: TensorFlow,
  node: ModelNode,
  inputs: readonly Tensor[],
  weights: WeightSource,
  statistics: "moving" | "batch",
): Tensor {
  const x = inputs[0] as Tensor4D;
  const right = inputs[1] as Tensor;
  const [height = 1, width = 1, channels = 1] = x.shape.slice(1);
  const weight = (name: string, shape: readonly number[]): Tensor => weights(`${node.name}/${name}`, shape);
  const biased = (y: Tensor, useBias: boolean): Tensor =>
    useBias ? tf.add(y, weight("bias", [y.shape.at(-1) ?? 0])) : y;
  switch (node.kind) {
    case "input":
      return x;
    case "conv2d": {
      const { groups, filters, strides, padding, dilation, kernelSize, useBias } = node.attributes;
      const kernel = weight("kernel", [...kernelSize, channels / groups, filters]) as Tensor4D;
      const [image, edges] = withEdges(tf, x, padding);
      const convolve = (part: Tensor, partKernel: Tensor): Tensor =>
        tf.conv2d(part as Tensor4D, partKernel as Tensor4D, pair(strides), edges, "NHWC", pair(dilation));
      if (groups === 1) return biased(convolve(image, kernel), useBias);
      const kernelParts = tf.split(kernel, groups, 3);
      const parts = tf.split(image, groups, 3).map((part, group) => convolve(part, kernelParts[group] as Tensor));
      return biased(tf.concat(parts, 3), useBias);
    }
    case "depthwiseConv2d": {
      const { depthMultiplier, strides, padding, dilation, kernelSize, useBias } = node.attributes;
      const kernel = weight("depthwise_kernel", [...kernelSize, channels, depthMultiplier]) as Tensor4D;
      const [image, edges] = withEdges(tf, x, padding);
      return biased(tf.depthwiseConv2d(image, kernel, pair(strides), edges, "NHWC", pair(dilation)), useBias);
    }
    case "dense": {
      const { units, useBias } = node.attributes;
      const features = x.shape.at(-1) ?? 0;
      const rows = tf.matMul(tf.reshape(x, [-1, features]), weight("kernel", [features, units]) as Tensor2D);
      return tf.reshape(biased(rows, useBias), [...x.shape.slice(0, -1), units]);
    }
    case "batchNorm":
    case "groupNorm": {
      const { epsilon, scale, center } = node.attributes;
      const normal = node.kind === "batchNorm" ? batchNorm() : groupNorm(node.attributes.groups);
      const scaled = scale ? tf.mul(normal, weight("gamma", [channels])) : normal;
      return center ? tf.add(scaled, weight("beta", [channels])) : scaled;
      function batchNorm(): Tensor {
        const { mean, variance } =
          statistics === "batch"
            ? tf.moments(x, [0, 1, 2])
            : { mean: weight("moving_mean", [channels]), variance: weight("moving_variance", [channels]) };
        return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon)));
      }
      function groupNorm(groups: number): Tensor {
        const grouped = tf.reshape(x, [-1, height * width, groups, channels / groups]);
        const { mean, variance } = tf.moments(grouped, [1, 3], true);
        return tf.reshape(tf.div(tf.sub(grouped, mean), tf.sqrt(tf.add(variance, epsilon))), x.shape);
      }
    }
    case "layerNorm": {
      const { epsilon, scale, center } = node.attributes;
      const { mean, variance } = tf.moments(x, -1, true);
      const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, epsilon)));
      const last = [x.shape.at(-1) ?? 0];
      const scaled = scale ? tf.mul(normal, weight("gamma", last)) : normal;
      return center ? tf.add(scaled, weight("beta", last)) : scaled;
    }
    case "attention":
    case "layerScale":
    case "classToken":
    case "positions":
    case "reduce":
    case "rearrange":
    case "slice":
    case "l2Normalise":
      return ofTokens(tf, node, inputs, weight);
    case "affine":
      return tf.add(tf.mul(x, [...node.attributes.scale]), [...node.attributes.offset]);
    case "activation":
      return activate(tf, x, node.attributes);
    case "prelu": {
      const { sharedAxes } = node.attributes;
      const shape = x.shape.slice(1).map((extent, axis) => (sharedAxes.includes(axis) ? 1 : extent));
      return tf.prelu(x, weight("alpha", shape));
    }
    case "upsample": {
      const [rows, columns] = node.attributes.factors;
      return tf.image.resizeNearestNeighbor(x, [height * rows, width * columns]);
    }
    case "add":
      return tf.add(...alignedPair(tf, x, right));
    case "multiply":
      return tf.mul(...alignedPair(tf, x, right));
    case "concat":
      return tf.concat([...inputs], -1);
    case "maxPool": {
      const { poolSize, strides, padding } = node.attributes;
      const [image, edges] = withEdges(tf, x, padding, SMALLEST);
      return tf.maxPool(image, pair(poolSize), pair(strides), edges);
    }
    case "avgPool": {
      const { poolSize, strides, padding } = node.attributes;
      return tf.avgPool(x, pair(poolSize), pair(strides), padding);
    }
    case "globalAvgPool":
      return tf.mean(x, [1, 2], node.attributes.keepDims);
    case "zeroPad": {
      const [rows, columns] = node.attributes.padding;
      return tf.pad(x, [[0, 0], pair(rows), pair(columns), [0, 0]]);
    }
    case "reshape":
      return tf.reshape(x, [-1, ...node.attributes.shape]);
    case "dropout":
      return x;
  }
}

function activate(
  tf: TensorFlow,
  x: Tensor,
  { function: name, slope, most, axis }: OpAttributes["activation"],
): Tensor {
  switch (name) {
    case "linear":
      return x;
    case "relu":
      return tf.relu(x);
    case "relu6":
      return tf.relu6(x);
    case "sigmoid":
      return tf.sigmoid(x);
    case "tanh":
      return tf.tanh(x);
    case "swish":
      return tf.mul(x, tf.sigmoid(x));
    case "hardSigmoid":
      return tf.clipByValue(tf.add(tf.mul(x, slope ?? 1 / 6), 0.5), 0, 1);
    case "hardSwish":
      return tf.mul(x, tf.div(tf.relu6(tf.add(x, 3)), 6));
    case "leakyRelu":
      return tf.leakyRelu(x, slope ?? 0);
    case "clippedRelu":
      return tf.clipByValue(x, 0, most ?? 0);
    case "elu":
      return tf.elu(x);
    case "selu":
      return tf.selu(x);
    case "gelu":
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
    case "softplus":
      return tf.softplus(x);
    case "softsign":
      return tf.div(x, tf.add(tf.abs(x), 1));
    case "softmax":
      return axis === undefined ? tf.softmax(x) : softmaxAlong(tf, x, axis + 1);
  }
}

/** Less than any value that a model has. */
const SMALLEST = -1e30;

/** tfjs differentiates no windows with edges of their own, so these are put around the image first. */
function withEdges(tf: TensorFlow, x: Tensor4D, padding: Padding, value = 0): readonly [Tensor4D, "same" | "valid"] {
  if (typeof padding === "string") return [x, padding];
  return [tf.pad(x, [[0, 0], pair(padding[0]), pair(padding[1]), [0, 0]], value), "valid"];
}

function pair([first, second]: Size2D): [number, number] {
  return [first, second];
}

function product(shape: SampleShape): number {
  return shape.reduce((result, extent) => result * extent, 1);
}
