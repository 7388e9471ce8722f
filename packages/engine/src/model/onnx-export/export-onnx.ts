import { MpoError } from "@mpo/core";
import { type Abortable, throwIfAborted, writeFileAtomic } from "@mpo/io";
import { inputShapesOf, sampleShapes } from "../graph-shapes.ts";
import { MODEL_FILE_MODE } from "../layers-format/write-layers-model.ts";
import type { Model, ModelNode, OpKind, SampleShape } from "../model-graph.ts";
import { writeOnnxModel } from "../onnx/write-onnx-model.ts";
import { inputOf } from "../stated-input.ts";
import { validateGraph } from "../validate-graph.ts";
import { checkWeights } from "../variables.ts";
import { activation } from "./activation-export.ts";
import * as layers from "./layer-exports.ts";
import { attribute, OnnxDocument } from "./onnx-document.ts";
import { isImage, type Layout, type OpExport, type OpPlace } from "./op-export.ts";
import * as tokens from "./token-exports.ts";
import * as windows from "./window-exports.ts";

/** What goes with a model and is not in its graph. */
export interface OnnxFacts {
  readonly classNames?: readonly string[] | undefined;
}

const EXPORTS: { readonly [Kind in Exclude<OpKind, "input">]?: OpExport<Kind> } = {
  ...windows,
  ...layers,
  ...tokens,
  activation,
};

/**
 * Writes a model as an ONNX file, in one step: one that was read from such a file as that file (`writeOnnxModel`), others in
 * opset 17. Their input is a batch of any size of what the model itself takes:
 * images channels first, `[batch, channels, height, width]`. Nodes and initializers have the names of the engine's nodes
 * and variables. The metadata say what the model takes (`input`, as in a card) and its classes (`classNames`), both as JSON.
 *
 * Throws `unsupported` for an operation that is not written yet, `invalid-argument` and `invalid-data` for weights that do
 * not fit, `unavailable`, `cancelled`.
 */
export async function exportOnnx(
  model: Model,
  path: string,
  facts: OnnxFacts = {},
  options: Abortable = {},
): Promise<void> {
  throwIfAborted(options.signal);
  if (model.onnx !== undefined) await writeOnnxModel(model, path, options);
  else await writeFileAtomic(path, encodeOnnxModel(model, facts), { ...options, mode: MODEL_FILE_MODE });
}

/** The bytes of that file. */
export function encodeOnnxModel(model: Model, { classNames }: OnnxFacts = {}): Uint8Array {
  const { graph } = model;
  validateGraph(graph);
  checkWeights(model);
  const document = new OnnxDocument();
  const shapes = sampleShapes(graph);
  const written = new Written(document, shapes);
  for (const node of graph.nodes) written.add(node, nodeLayout(document, node, written, model, shapes));
  const { shape, form } = inputOf(graph);
  const metadata = {
    ...(form === undefined ? {} : { input: JSON.stringify(form) }),
    ...(classNames === undefined ? {} : { classNames: JSON.stringify(classNames) }),
  };
  const [input] = graph.nodes;
  return document.encode({
    name: graph.name,
    input: { name: input!.name, shape: isImage(shape) ? [shape[2]!, shape[0]!, shape[1]!] : shape },
    output: { name: graph.output, shape: shapes.get(graph.output)! },
    metadata,
  });
}

function nodeLayout(
  document: OnnxDocument,
  node: ModelNode,
  written: Written,
  { graph, weights }: Model,
  shapes: ReadonlyMap<string, SampleShape>,
): Layout {
  const { name, kind, inputs } = node;
  if (kind === "input") return isImage(node.attributes.shape) ? "image" : "plain";
  const write = EXPORTS[kind] as OpExport<OpKind> | undefined;
  if (write === undefined) {
    throw new MpoError("unsupported", `${graph.name}: node "${name}" (${kind}) cannot be written as ONNX`, {
      hint: `Written are ${Object.keys(EXPORTS).join(", ")}.`,
    });
  }
  const place: OpPlace<OpKind> = {
    ...{ name, document, attributes: node.attributes },
    inputShapes: inputShapesOf(node, shapes),
    outputShape: shapes.get(name)!,
    layouts: inputs.map((input) => written.layoutOf(input)),
    as: (layout, position = 0) => written.as(layout, inputs[position]!),
    weight: (variable) => weights.get(`${name}/${variable}`),
  };
  return write(place);
}

/** The tensors that are there, and each in its other layout once something has asked for it. */
class Written {
  readonly #document: OnnxDocument;
  readonly #shapes: ReadonlyMap<string, SampleShape>;
  readonly #layouts = new Map<string, Layout>();
  readonly #others = new Map<string, string>();

  constructor(document: OnnxDocument, shapes: ReadonlyMap<string, SampleShape>) {
    this.#document = document;
    this.#shapes = shapes;
  }

  add({ name }: ModelNode, layout: Layout): void {
    this.#layouts.set(name, layout);
  }

  layoutOf(name: string): Layout {
    return this.#layouts.get(name) ?? "plain";
  }

  as(layout: Layout, name: string): string {
    if (layout === this.layoutOf(name) || !isImage(this.#shapes.get(name))) return name;
    const known = this.#others.get(name);
    if (known !== undefined) return known;
    const other = this.#document.node("Transpose", [name], this.#document.helper(name, layout), {
      perm: attribute.ints(layout === "image" ? [0, 3, 1, 2] : [0, 2, 3, 1]),
    });
    this.#others.set(name, other);
    return other;
  }
}
