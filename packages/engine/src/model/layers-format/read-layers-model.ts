import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { MODEL_FILE, modelFilesAmong, readStatement } from "@mpo/datasets";
import { type Abortable, fileError, throwIfAborted } from "@mpo/io";
import { z } from "zod";
import { GraphBuilder } from "../graph-builder.ts";
import type { Model, ModelGraph, ModelWeights, SampleShape } from "../model-graph.ts";
import { preparedForm, withInputForm } from "../stated-input.ts";
import { graphVariables } from "../variables.ts";
import { type ExportMetadata, NO_METADATA, parseExportMetadata } from "./export-metadata.ts";
import { invalid, unsupported } from "./file-errors.ts";
import { fromBlockDiagonal } from "./grouped-kernel.ts";
import { type KerasFile, readH5File, readKerasFile } from "./keras-file.ts";
import { importLayer } from "./layer-import.ts";
import { LayerWeights } from "./layer-weights.ts";
import { parseLayersJson, type Topology } from "./layers-json.ts";
import { batchShapeOf, type LayerJson } from "./layers-structure.ts";
import { binaryFormat, otherFormat } from "./other-formats.ts";
import { readStoredWeights } from "./stored-weights.ts";

/**
 * Reads a model, by its folder or its file: a TensorFlow.js layers model (`model.json` and its weight files, float32 or
 * quantised to uint8, uint16 or float16), a `.keras` or an `.h5` file. Sequential or Functional, one input of fixed size,
 * one output; the layers of models inside it stand among its own, a layer's own activation becomes a node after it, and
 * each use of a layer a node of its own. An export of `writeLayersModel` gives back the same graph.
 * What is stated of its input (`readStatement`), or follows from its own preparation, becomes part of the graph.
 *
 * Throws `not-found`; `invalid-data` for damaged files, naming file and place; `unsupported` for a layer or a setting
 * that the engine does not have, naming the layer and what is supported; `cancelled`.
 */
export async function readLayersModel(path: string, options: Abortable = {}): Promise<Model> {
  throwIfAborted(options.signal);
  const file = await modelFileAt(path);
  const bytes = await readFile(file).catch((thrown: unknown) => {
    throw fileError(thrown, "read", file);
  });
  const { topology, weights: stored, metadata } = await contentOf(bytes, file, options);
  const layerWeights = new LayerWeights(stored, topology.layers);
  const { graph, storedNames } = importGraph(topology, layerWeights, metadata, file);
  const weights = assignWeights(graph, layerWeights, storedNames, metadata, file);
  const { input = preparedForm(graph) } = await readStatement(file, options);
  return { graph: withInputForm(graph, input), weights };
}

interface Content extends KerasFile {
  readonly metadata: ExportMetadata;
}

async function contentOf(bytes: Buffer, file: string, options: Abortable): Promise<Content> {
  const format = binaryFormat(file, bytes);
  if (format === "h5") return { ...(await readH5File(bytes, file)), metadata: NO_METADATA };
  if (format === "keras") return { ...(await readKerasFile(bytes, file)), metadata: NO_METADATA };
  if (format !== undefined) throw otherFormat(file, format);
  const json = parseLayersJson(bytes.toString("utf8"), file);
  const metadata = parseExportMetadata(json.metadata, file);
  return { topology: json, weights: await readStoredWeights(dirname(file), json.manifest, options), metadata };
}

/** The file of a model in a folder: `model.json`, or the only one of Keras or ONNX, or another that is known. A file stands for itself. */
export async function modelFileAt(path: string): Promise<string> {
  const names = await readdir(path).catch(() => undefined);
  if (names === undefined) return path;
  const whole = modelFilesAmong(names);
  if (whole.length > 1) {
    throw new MpoError("invalid-argument", `${path}: which of ${whole.join(", ")}? Name the file itself`);
  }
  const others = names.filter((name) => /(^saved_model\.pb|\.(h5|tflite|pt|pth|zip))$/iu.test(name)).toSorted();
  const [name = MODEL_FILE] = [...whole, ...others];
  return join(path, name);
}

interface ImportedGraph {
  readonly graph: ModelGraph;
  /** Stored weight of a variable, where it does not have the variable's name. */
  readonly storedNames: ReadonlyMap<string, string>;
}

function importGraph(json: Topology, stored: LayerWeights, metadata: ExportMetadata, file: string): ImportedGraph {
  const input = inputOf(json, file);
  const g = new GraphBuilder(json.name, inputShapeOf(input, file), input.name);
  const storedNames = new Map<string, string>();
  /** Last node of each layer. */
  const nodes = new Map([[input.name, input.name]]);
  const expansions = new Map(
    metadata.expansions.flatMap((expansion) => expansion.layers.map((layer) => [layer, expansion] as const)),
  );

  for (const layer of inOrder(json.layers, input, file)) {
    const expansion = expansions.get(layer.name);
    if (expansion !== undefined && expansion.name !== layer.name) continue;
    const nodeOf = (name: string): string => nodes.get(name) ?? name;
    nodes.set(
      layer.name,
      explained(`${file}: layer "${layer.name}" (${layer.className})`, () => {
        if (expansion !== undefined) {
          return g.append(expansion.kind, [nodeOf(expansion.input)], expansion.attributes, layer.name);
        }
        return importLayer(layer.className, layer.config, {
          g,
          name: layer.name,
          inputs: layer.inputs.map(nodeOf),
          constants: layer.constants ?? [],
          kerasVersion: json.kerasVersion,
          groups: metadata.groups[layer.name],
          weight: (variable, position) => stored.take(layer.name, variable, position)?.values,
          weightFrom: (variable, storedName) => storedNames.set(variable, storedName),
        });
      }),
    );
  }
  const graph = explained(file, () => g.build(nodes.get(json.output) ?? json.output));
  return { graph, storedNames };
}

/** The graph's own checks say `invalid-argument`; for a file that means that it asks for something unsupported. */
function explained<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const error = MpoError.from(thrown);
    const code = error.code === "invalid-argument" ? "unsupported" : error.code;
    throw error.with({ code, message: `${where}: ${error.message}` });
  }
}

function inputOf({ layers }: Topology, file: string): LayerJson {
  const inputs = layers.filter(({ className }) => className === "InputLayer");
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    throw unsupported(file, `the model has ${inputs.length} layers of class InputLayer; expected one`);
  }
  return input;
}

const batchShape = z.tuple([z.number().nullable()]).rest(z.number().int().positive());

function inputShapeOf({ name, config }: LayerJson, file: string): SampleShape {
  const shape = batchShapeOf(config);
  if (shape === undefined) {
    throw unsupported(
      file,
      "the Sequential model has no input shape; expected it in its first layer",
      "Give the first layer an input shape, or build the model, before saving it.",
    );
  }
  const result = batchShape.safeParse(shape);
  if (!result.success) {
    throw unsupported(
      file,
      `layer "${name}" (InputLayer) has the shape ${JSON.stringify(shape)}; expected [null, height, width, channels] with whole numbers`,
      "Save the model with a fixed input size.",
    );
  }
  return result.data.slice(1) as readonly number[];
}

/** Layers after all that they read. Files need not be sorted. */
function inOrder(layers: readonly LayerJson[], input: LayerJson, file: string): readonly LayerJson[] {
  const known = new Set([input.name]);
  const ordered: LayerJson[] = [];
  let pending = layers.filter((layer) => layer !== input);
  while (pending.length > 0) {
    const later: LayerJson[] = [];
    for (const layer of pending) {
      if (layer.inputs.every((name) => known.has(name))) {
        known.add(layer.name);
        ordered.push(layer);
      } else {
        later.push(layer);
      }
    }
    const [stuck] = later;
    if (stuck !== undefined && later.length === pending.length) {
      const missing = stuck.inputs.find((name) => !known.has(name));
      throw invalid(file, `layer "${stuck.name}" reads "${missing}", which is not an earlier layer`);
    }
    pending = later;
  }
  return ordered;
}

function assignWeights(
  graph: ModelGraph,
  stored: LayerWeights,
  storedNames: ReadonlyMap<string, string>,
  metadata: ExportMetadata,
  file: string,
): ModelWeights {
  const weights = new Map<string, Float32Array>();
  const counts = new Map<string, number>();
  for (const { name, node, spec } of graphVariables(graph)) {
    const storedName = storedNames.get(name) ?? name;
    const end = storedName.lastIndexOf("/");
    const layer = storedName.slice(0, end);
    const position = counts.get(layer) ?? 0;
    counts.set(layer, position + 1);
    const weight = stored.take(layer, storedName.slice(end + 1), position);
    if (weight === undefined) {
      throw invalid(file, `the manifest has no weight "${storedName}"; the model needs it, of shape [${spec.shape}]`);
    }
    const groups = spec.name === "kernel" ? (metadata.groups[node] ?? 1) : 1;
    const [height = 1, width = 1, inputsPerGroup = 1, filters = 1] = spec.shape;
    const inputs = inputsPerGroup * groups;
    const expected = groups === 1 ? spec.shape : [height, width, inputs, filters];
    if (withoutOnes(weight.shape).join() !== withoutOnes(expected).join()) {
      throw invalid(file, `weight "${storedName}" has shape [${weight.shape}]; expected [${expected}]`);
    }
    const values =
      groups === 1 ? weight.values : fromBlockDiagonal(weight.values, { height, width, inputs, filters, groups });
    if (values === undefined) {
      throw invalid(
        weight.file,
        `weight "${storedName}", from byte ${weight.offsetBytes}: has values between its ${groups} channel groups; expected zeros there`,
        "The model was trained by something that does not know groups; export it again after training.",
      );
    }
    weights.set(name, values);
  }
  for (const expansion of metadata.expansions) {
    for (const layer of expansion.layers) {
      stored.take(layer, "depthwise_kernel", 0);
      stored.take(layer, "bias", 1);
    }
  }
  const extra = stored.unused;
  if (extra !== undefined) {
    throw invalid(file, `the manifest has a weight "${extra}" that no layer of the model has`);
  }
  return weights;
}

/** The kernel of a dense layer on a map, `[inputs, outputs]`, is that of a 1x1 convolution, `[1, 1, inputs, outputs]`. */
function withoutOnes(shape: readonly number[]): readonly number[] {
  return shape.filter((extent) => extent !== 1);
}
