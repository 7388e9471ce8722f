import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { given, MpoError } from "@mpo/core";
import { type Abortable, fileError, throwIfAborted } from "@mpo/io";
import { z } from "zod";
import { GraphBuilder } from "../graph-builder.ts";
import type { Model, ModelGraph, ModelWeights, SampleShape } from "../model-graph.ts";
import { graphVariables } from "../variables.ts";
import { invalid, unsupported } from "./checked-json.ts";
import { type ExportMetadata, parseExportMetadata } from "./export-metadata.ts";
import { fromBlockDiagonal } from "./grouped-kernel.ts";
import { importLayer } from "./layer-import.ts";
import { type LayersJson, parseLayersJson } from "./layers-json.ts";
import type { LayerJson } from "./layers-structure.ts";
import { readStoredWeights, type StoredWeight } from "./stored-weights.ts";

/**
 * Reads a Keras or TensorFlow.js layers model: `model.json` and its weight files (float32, or quantised to uint8,
 * uint16 or float16). Sequential or Functional, one input of fixed size, one output; the layers of models inside it
 * stand among its own, and a layer's own activation becomes a node after it. An export of `writeLayersModel` gives back the same graph.
 *
 * Throws `not-found`; `invalid-data` for damaged files, naming file and place; `unsupported` for a layer or a setting
 * that the engine does not have, naming the layer and what is supported; `cancelled`.
 */
export async function readLayersModel(modelJsonPath: string, options: Abortable = {}): Promise<Model> {
  throwIfAborted(options.signal);
  const text = await readFile(modelJsonPath, "utf8").catch((thrown: unknown) => {
    throw fileError(thrown, "read", modelJsonPath);
  });
  const json = parseLayersJson(text, modelJsonPath);
  const metadata = parseExportMetadata(json.metadata, modelJsonPath);
  const { graph, storedNames } = importGraph(json, metadata, modelJsonPath);
  const stored = await readStoredWeights(dirname(modelJsonPath), json.manifest, options);
  return { graph, weights: assignWeights(graph, stored, storedNames, metadata, modelJsonPath) };
}

interface ImportedGraph {
  readonly graph: ModelGraph;
  /** Stored weight of a variable, where it does not have the variable's name. */
  readonly storedNames: ReadonlyMap<string, string>;
}

function importGraph(json: LayersJson, metadata: ExportMetadata, file: string): ImportedGraph {
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
          kerasVersion: json.kerasVersion,
          groups: metadata.groups[layer.name],
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
    const hint = given({ hint: error.hint });
    throw new MpoError(code, `${where}: ${error.message}`, { cause: thrown, ...hint });
  }
}

function inputOf({ layers }: LayersJson, file: string): LayerJson {
  const inputs = layers.filter(({ className }) => className === "InputLayer");
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    throw unsupported(file, `the model has ${inputs.length} layers of class InputLayer; expected one`);
  }
  return input;
}

const batchShape = z.tuple([z.null()]).rest(z.number().int().positive());

function inputShapeOf({ name, config }: LayerJson, file: string): SampleShape {
  const shape = config["batch_input_shape"] ?? config["batch_shape"];
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
  stored: ReadonlyMap<string, StoredWeight>,
  storedNames: ReadonlyMap<string, string>,
  metadata: ExportMetadata,
  file: string,
): ModelWeights {
  const unused = new Map([...stored].map(([name]) => [shortName(name, stored, graph), name]));
  const weights = new Map<string, Float32Array>();
  for (const { name, node, spec } of graphVariables(graph)) {
    const storedName = storedNames.get(name) ?? name;
    const weight = stored.get(unused.get(storedName) ?? storedName);
    if (weight === undefined) {
      throw invalid(file, `the manifest has no weight "${storedName}"; the model needs it, of shape [${spec.shape}]`);
    }
    unused.delete(storedName);
    const groups = spec.name === "kernel" ? (metadata.groups[node] ?? 1) : 1;
    const [height = 1, width = 1, inputsPerGroup = 1, filters = 1] = spec.shape;
    const inputs = inputsPerGroup * groups;
    const expected = groups === 1 ? spec.shape : [height, width, inputs, filters];
    if (weight.shape.join() !== expected.join()) {
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
    for (const layer of expansion.layers) unused.delete(`${layer}/depthwise_kernel`);
  }
  const [extra] = unused.values();
  if (extra !== undefined) {
    throw invalid(file, `the manifest has a weight "${extra}" that no layer of the model has`);
  }
  return weights;
}

/**
 * Converters of TensorFlow 2.2 and later may write `layer/cell/kernel` for `layer/kernel`, and `model/layer/kernel` for a
 * layer of a model inside the model.
 */
function shortName(name: string, stored: ReadonlyMap<string, StoredWeight>, graph: ModelGraph): string {
  const isNode = (variable: string): boolean =>
    graph.nodes.some((node) => node.name === variable.slice(0, variable.lastIndexOf("/")));
  if (isNode(name)) return name;
  const parts = name.split("/");
  const withoutCell = [...parts.slice(0, -2), ...parts.slice(-1)];
  const candidates = [withoutCell, parts.slice(1)].map((kept) => kept.join("/"));
  return candidates.find((short) => !stored.has(short) && isNode(short)) ?? name;
}
