import type { Tensor } from "@tensorflow/tfjs";
import type { ModelNode } from "../model/model-graph.ts";
import type { TensorFlow } from "./group-normalization-layer.ts";

type TokenKind =
  | ("attention" | "layerScale" | "classToken" | "positions")
  | ("reduce" | "rearrange" | "slice" | "l2Normalise");

/** What a node of a transformer computes, by plain TensorFlow.js operations. */
export function ofTokens(
  tf: TensorFlow,
  node: Extract<ModelNode, { kind: TokenKind }>,
  inputs: readonly Tensor[],
  weight: (name: string, shape: readonly number[]) => Tensor,
): Tensor {
  const x = inputs[0] as Tensor;
  const shape = x.shape.slice(1);
  const width = shape.at(-1) ?? 0;
  switch (node.kind) {
    case "attention": {
      const [q, k, v] = inputs.length === 1 ? tf.split(x, 3, -1) : inputs;
      return attend(tf, [q as Tensor, k as Tensor, v as Tensor], node.attributes);
    }
    case "layerScale":
      return tf.mul(x, weight("gamma", [width]));
    case "classToken": {
      const token = tf.zeros(x.shape.with(-2, 1)).add(weight("token", [1, width]));
      return tf.concat([token, x], -2);
    }
    case "positions":
      return tf.add(x, weight("embedding", shape));
    case "reduce": {
      const axes = node.attributes.axes.map((axis) => axis + 1);
      const reduced = node.attributes.function === "mean" ? tf.mean : tf.sum;
      return reduced(x, axes, node.attributes.keepDims);
    }
    case "rearrange": {
      const { split, order, shape: target } = node.attributes;
      const apart = tf.reshape(x, [-1, ...split]);
      return tf.reshape(tf.transpose(apart, [0, ...order.map((axis) => axis + 1)]), [-1, ...target]);
    }
    case "slice": {
      const { axis, begin, size } = node.attributes;
      const begins = x.shape.map(() => 0).with(axis + 1, begin);
      return tf.slice(x, begins, x.shape.with(axis + 1, size));
    }
    case "l2Normalise": {
      const squares = tf.sum(tf.mul(x, x), -1, true);
      return tf.div(x, tf.sqrt(tf.add(squares, node.attributes.epsilon)));
    }
  }
}

/** Attention, a head at a time. */
function attend(
  tf: TensorFlow,
  parts: readonly [q: Tensor, k: Tensor, v: Tensor],
  { heads, scale }: { readonly heads: number; readonly scale: number },
): Tensor {
  const [q, k, v] = parts.map((part) =>
    tf.split(tf.reshape(part, [-1, part.shape.at(-2) ?? 0, part.shape.at(-1) ?? 0]), heads, 2),
  );
  const results = (q ?? []).map((query, head) => {
    const scores = tf.mul(tf.matMul(query, (k ?? [])[head] as Tensor, false, true), scale);
    return tf.matMul(tf.softmax(scores), (v ?? [])[head] as Tensor);
  });
  return tf.reshape(tf.concat(results, -1), parts[0].shape);
}

export function softmaxAlong(tf: TensorFlow, x: Tensor, axis: number): Tensor {
  const powers = tf.exp(x);
  return tf.div(powers, tf.sum(powers, axis, true));
}

/** Two batches with as many axes, by axes of 1 behind the batch's. */
export function alignedPair(tf: TensorFlow, left: Tensor, right: Tensor): [Tensor, Tensor] {
  const rank = Math.max(left.rank, right.rank);
  const withRank = (x: Tensor): Tensor => {
    const [batch = 1, ...shape] = x.shape;
    return tf.reshape(x, [batch, ...new Array<number>(rank - x.rank).fill(1), ...shape]);
  };
  return [withRank(left), withRank(right)];
}
