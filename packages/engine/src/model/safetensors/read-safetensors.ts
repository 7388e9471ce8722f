import { readFile } from "node:fs/promises";
import { closestOf, MpoError } from "@mpo/core";
import { type Abortable, fileError, throwIfAborted } from "@mpo/io";
import { requireFinite } from "../layers-format/stored-weights.ts";
import { elementsOf, type Model, type ModelGraph, type SampleShape } from "../model-graph.ts";
import { type GraphVariable, graphVariables } from "../variables.ts";
import { buildModel, type ModelName } from "../zoo/build-model.ts";
import type { FormName } from "../zoo/zoo-layers.ts";
import { withEvenPads } from "./even-pads.ts";
import { decodeSafetensors, type StoredTensor } from "./safetensors-file.ts";
import { fromTorch, type TorchLayout, torchLayout } from "./torch-layout.ts";
import { moduleOf, NAMINGS, type Naming, TORCH_MODELS } from "./torch-names.ts";

/** Which model of the zoo the weights are of; its classes are as many as the file has. */
export interface SafetensorsOptions extends Abortable {
  readonly model: ModelName;
  /** `[height, width]`. */
  readonly size: readonly [number, number];
  readonly form?: FormName | undefined;
}

export interface SafetensorsModel {
  readonly model: Model;
  readonly naming: Naming;
  /** Tensors that no variable takes; counters of batches are not among them. */
  readonly unused: readonly string[];
}

/** What some programs put before every name. */
const WRAPPERS = /^(module|model|_orig_mod)\./u;
/** A number of PyTorch's normalisations that only their training reads. */
const COUNTER = /\.num_batches_tracked$/u;
/** A message lists no more. */
const MOST_LISTED = 8;
/** timm keeps PyTorch's own in MobileNet-v3, unlike the paper's code and torchvision. */
const TIMM_V3_EPSILON = 1e-5;

/**
 * Reads weights as torchvision or timm name them into a model of the zoo, with strided windows padded as in PyTorch. Throws
 * `not-found`, `cancelled`, `unsupported` (a model whose names are not known) and `invalid-data`, which lists the tensors
 * that are missing with the nearest that are there.
 */
export async function readSafetensors(path: string, options: SafetensorsOptions): Promise<SafetensorsModel> {
  throwIfAborted(options.signal);
  const { model: name } = options;
  if (!TORCH_MODELS.includes(name)) {
    throw new MpoError("unsupported", `PyTorch has no names for the weights of ${name}`, {
      hint: `Known are those of ${TORCH_MODELS.join(", ")}.`,
    });
  }
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  const tensors = unwrapped(decodeSafetensors(bytes, path));
  const classes = classesOf(name, tensors, path);
  const [height, width] = options.size;
  const channels = channelsOf(name, tensors);
  const inputShape: SampleShape = [height, width, channels];
  const form = options.form === undefined ? {} : { form: options.form };
  const built = withEvenPads(buildModel({ model: name, norm: "batch", inputShape, classes, ...form }));
  const naming = namingOf(name, built, tensors);
  const graph = naming === "timm" && name.startsWith("mobilenet-v3") ? withEpsilon(built, TIMM_V3_EPSILON) : built;
  const weights = new Map<string, Float32Array>();
  const used = new Set<string>();
  const missing: string[] = [];
  for (const variable of graphVariables(graph)) {
    const layout = torchLayout(variable);
    const wanted = tensorName(name, naming, variable, layout);
    const found = tensors.get(wanted);
    used.add(wanted);
    if (found === undefined) missing.push(wanted);
    else weights.set(variable.name, valuesOf(found, variable, layout, `"${wanted}" of ${path}`));
  }
  const unused = [...tensors.keys()].filter((tensor) => !used.has(tensor) && !COUNTER.test(tensor));
  if (missing.length > 0) throw lacking(path, name, missing, unused);
  return { model: { graph, weights }, naming, unused };
}

/** Name of a variable's tensor. Throws where the zoo has a node that PyTorch's model has not. */
export function tensorName(
  model: ModelName,
  naming: Naming,
  { name, node }: Pick<GraphVariable, "name" | "node">,
  { part }: Pick<TorchLayout, "part">,
): string {
  const module = moduleOf(model, naming, node);
  if (module === undefined) throw new MpoError("unsupported", `${model}: "${name}" has no name in PyTorch's ${model}`);
  return `${module}.${part}`;
}

function unwrapped(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  let current = tensors;
  while (current.size > 0 && [...current.keys()].every((name) => WRAPPERS.test(name))) {
    current = new Map([...current].map(([name, tensor]) => [name.replace(WRAPPERS, ""), tensor]));
  }
  return current;
}

/** Rows of the last layer's kernel. */
function classesOf(model: ModelName, tensors: ReadonlyMap<string, StoredTensor>, path: string): number {
  const names = NAMINGS.map((naming) => `${moduleOf(model, naming, "logits")}.weight`);
  const kernel = names.map((name) => tensors.get(name)).find((tensor) => tensor !== undefined);
  const classes = kernel?.shape[0];
  if (classes !== undefined && classes >= 2) return classes;
  throw lacking(path, model, [...new Set(names)], [...tensors.keys()]);
}

/** Of the stem's kernel; a grey model has one. */
function channelsOf(model: ModelName, tensors: ReadonlyMap<string, StoredTensor>): number {
  const kernels = NAMINGS.map((naming) => tensors.get(`${moduleOf(model, naming, "stem_conv")}.weight`));
  return kernels.find((kernel) => kernel !== undefined)?.shape[1] ?? 3;
}

/** The naming that more of the model's tensors have. */
function namingOf(model: ModelName, graph: ModelGraph, tensors: ReadonlyMap<string, StoredTensor>): Naming {
  const variables = graphVariables(graph);
  const found = (naming: Naming): number =>
    variables.filter((variable) => tensors.has(tensorName(model, naming, variable, torchLayout(variable)))).length;
  return found("timm") > found("torchvision") ? "timm" : "torchvision";
}

function withEpsilon(graph: ModelGraph, epsilon: number): ModelGraph {
  const nodes = graph.nodes.map((node) =>
    node.kind === "batchNorm" ? { ...node, attributes: { ...node.attributes, epsilon } } : node,
  );
  return { ...graph, nodes };
}

/** A dense layer may be stored as a convolution of 1x1. */
function valuesOf(tensor: StoredTensor, variable: GraphVariable, layout: TorchLayout, where: string): Float32Array {
  const { shape } = tensor;
  const isSame = elementsOf(shape) === elementsOf(layout.shape) && bare(shape) === bare(layout.shape);
  if (!isSame) {
    throw new MpoError("invalid-data", `tensor ${where} has the shape [${shape}]; the model's is [${layout.shape}]`);
  }
  const values = tensor.values();
  requireFinite(values, variable.name, where);
  return fromTorch(values, variable, layout);
}

/** A shape without the ones at its end. */
function bare(shape: readonly number[]): string {
  return shape.slice(0, shape.findLastIndex((extent) => extent !== 1) + 1).join();
}

function lacking(path: string, model: ModelName, missing: readonly string[], rest: readonly string[]): MpoError {
  const listed = missing.slice(0, MOST_LISTED).map((name) => {
    const nearest = closestOf(name, rest);
    return nearest === undefined ? name : `${name} (there is ${nearest})`;
  });
  const more = missing.length > MOST_LISTED ? ` and ${missing.length - MOST_LISTED} more` : "";
  const others = rest.length === 0 ? "" : `; not used: ${rest.slice(0, MOST_LISTED).join(", ")}`;
  return new MpoError("invalid-data", `${path}: for ${model} it lacks ${listed.join(", ")}${more}${others}`, {
    hint: "Choose the --model that the weights are of; names are read as torchvision and timm write them.",
  });
}
