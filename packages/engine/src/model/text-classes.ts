import { MpoError } from "@mpo/core";
import { sampleShapes } from "./graph-shapes.ts";
import type { Model, ModelGraph, ModelNode } from "./model-graph.ts";
import { validateGraph } from "./validate-graph.ts";
import { graphVariables } from "./variables.ts";

/** What texts mean, by the class that each stands for, as a CLIP's text encoder gives it: vectors of one width. */
export type TextEmbeddings = ReadonlyMap<string, readonly number[]>;

/** What a CLIP learns at most, and nearly always ends with. */
export const LOGIT_SCALE = 100;
/** Of the length of an image's embedding: no number changes by it. */
const EPSILON = 1e-12;

/**
 * A CLIP's image encoder as a classifier of given texts (Radford et al. 2021, section 3.1.2): the image's embedding, of
 * length 1, times each text's, of length 1, times the scale. Such a head that it has already is replaced. It is another
 * model then, and no longer written as the ONNX file that it came from. Throws `invalid-argument` when the texts do not fit.
 */
export function withTextClasses({ graph, weights }: Model, texts: TextEmbeddings, scale: number = LOGIT_SCALE): Model {
  const nodes = encoderOf(graph);
  const { name: embedding } = nodes.at(-1)!;
  const [width = 0, ...more] = sampleShapes(graph).get(embedding)!;
  const wrong = [...texts].find(([, vector]) => vector.length !== width || more.length > 0);
  if (wrong !== undefined) {
    throw new MpoError(
      "invalid-argument",
      `the text "${wrong[0]}" has an embedding of ${wrong[1].length} numbers; model ${graph.name} gives ${[width, ...more].join("x")}`,
      { hint: "Take the text encoder that was trained with this image encoder, and its last projection." },
    );
  }
  const name = (wanted: string): string => (nodes.some((node) => node.name === wanted) ? `${wanted}_texts` : wanted);
  const [length, logits] = [name("length"), name("logits")];
  const head: readonly ModelNode[] = [
    { name: length, kind: "l2Normalise", inputs: [embedding], attributes: { epsilon: EPSILON } },
    { name: logits, kind: "dense", inputs: [length], attributes: { units: texts.size, useBias: false } },
  ];
  const classifier: ModelGraph = { ...graph, nodes: [...nodes, ...head], output: logits };
  validateGraph(classifier);
  const kernel = kernelOf([...texts.values()], width, scale);
  const all = new Map(weights).set(`${logits}/kernel`, kernel);
  return {
    graph: classifier,
    weights: new Map(graphVariables(classifier).map((variable) => [variable.name, all.get(variable.name)!])),
  };
}

/** The nodes up to the embedding: without its length, and texts' embeddings, if they are part of the model. */
function encoderOf({ nodes }: ModelGraph): readonly ModelNode[] {
  const [length, dense] = nodes.slice(-2);
  if (length?.kind === "l2Normalise" && dense?.kind === "dense") return nodes.slice(0, -2);
  return dense?.kind === "l2Normalise" ? nodes.slice(0, -1) : nodes;
}

/** `[width, classes]`. */
function kernelOf(vectors: readonly (readonly number[])[], width: number, scale: number): Float32Array {
  const kernel = new Float32Array(width * vectors.length);
  for (const [column, vector] of vectors.entries()) {
    const length = Math.hypot(...vector);
    for (const [row, value] of vector.entries()) kernel[row * vectors.length + column] = (scale * value) / length;
  }
  return kernel;
}
