import { z } from "zod";
import { check, unsupported } from "./checked-json.ts";

/** One layer, as in the file; `inputs` are names of layers. */
export interface LayerJson {
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
}

/** The layers of a model and how they hang together. */
export interface LayersStructure {
  readonly name: string;
  readonly layers: readonly LayerJson[];
  /** Name of the layer whose output is the model's. */
  readonly output: string;
}

/** `["layer", 0, 0]`, or with a fourth part for keyword arguments. */
const tensorReference = z.tuple([z.string(), z.number(), z.number()]).rest(z.unknown());
const layer = z.looseObject({
  class_name: z.string(),
  name: z.string().optional(),
  config: z.looseObject({ name: z.string().optional() }),
  inbound_nodes: z.unknown().optional(),
});
const functionalConfig = z.looseObject({
  name: z.string().default("model"),
  layers: z.array(layer).min(1),
  input_layers: z.union([tensorReference, z.array(tensorReference)]),
  output_layers: z.union([tensorReference, z.array(tensorReference)]),
});
const sequentialConfig = z.union([
  z.looseObject({ name: z.string().default("sequential"), layers: z.array(layer).min(1) }),
  z
    .array(layer)
    .min(1)
    .transform((layers) => ({ name: "sequential", layers })),
]);
/**
 * The structure of a model, with the layers of models inside it in their place. Undefined when the class is not a model's.
 * Throws `invalid-data` naming the place, and `unsupported` for more than one input or output, and for layers of the same
 * name.
 */
export function structureOf(className: string, config: unknown, file: string): LayersStructure | undefined {
  if (className === "Sequential") return flattened(sequential(check(sequentialConfig, config, file), file), file);
  if (className === "Functional" || className === "Model") {
    return flattened(functional(check(functionalConfig, config, file), file), file);
  }
  return undefined;
}

const INPUT = "InputLayer";

/** Puts the layers of inner models into the outer one: an inner input is what the inner model reads. */
function flattened({ name, layers, output }: LayersStructure, file: string): LayersStructure {
  const flat: LayerJson[] = [];
  const renamed = new Map<string, string>();
  for (const layer of layers) {
    const inner = structureOf(layer.className, layer.config, file);
    if (inner === undefined) {
      flat.push(layer);
      continue;
    }
    const source = onlyInput(layer, file);
    const own = inner.layers.find(({ className }) => className === INPUT)?.name;
    if (inner.output === own) {
      throw unsupported(file, `layer "${layer.name}" (${layer.className}) is a model without layers`);
    }
    const outside = (input: string): string => (input === own ? source : input);
    for (const part of inner.layers) {
      if (part.className !== INPUT) flat.push({ ...part, inputs: part.inputs.map(outside) });
    }
    renamed.set(layer.name, outside(inner.output));
  }
  requireDistinct([...flat.map((layer) => layer.name), ...renamed.keys()], file);
  const resolved = (reference: string): string => renamed.get(reference) ?? reference;
  return {
    name,
    layers: flat.map((layer) => ({ ...layer, inputs: layer.inputs.map(resolved) })),
    output: resolved(output),
  };
}

function onlyInput({ name, className, inputs }: LayerJson, file: string): string {
  const [input] = inputs;
  if (input !== undefined && inputs.length === 1) return input;
  throw unsupported(
    file,
    `layer "${name}" (${className}) reads ${inputs.length} layers; a model inside a model reads one`,
  );
}

function requireDistinct(names: readonly string[], file: string): void {
  const twice = names.find((name, position) => names.indexOf(name) < position);
  if (twice === undefined) return;
  throw unsupported(
    file,
    `two layers are called "${twice}"; expected a name of its own for each`,
    "Rename one of them (a model inside a model keeps its layers' names) and save the model again.",
  );
}

/** What a Sequential model's first layer says of its input; a model inside says it in its own input. */
function inputShapeOf(entry: LayerEntry, file: string): unknown {
  const own = entry.config["batch_input_shape"];
  if (own !== undefined || entry.class_name === INPUT) return own;
  const inner = structureOf(entry.class_name, entry.config, file);
  const input = inner?.layers.find(({ className }) => className === INPUT)?.config;
  return input?.["batch_input_shape"] ?? input?.["batch_shape"];
}

type LayerEntry = z.infer<typeof layer>;

function sequential(config: z.infer<typeof sequentialConfig>, file: string): LayersStructure {
  const layers: LayerJson[] = [];
  for (const [position, entry] of config.layers.entries()) {
    const previous = layers.at(-1);
    const name = nameOf(entry, position);
    const inputShape = inputShapeOf(entry, file);
    if (previous === undefined && entry.class_name !== "InputLayer") {
      if (inputShape === undefined) {
        throw unsupported(
          file,
          "the Sequential model has no input shape; expected it in its first layer",
          "Give the first layer an input shape, or build the model, before saving it.",
        );
      }
      const input = { name: `${name}_input`, className: "InputLayer", config: { batch_input_shape: inputShape } };
      layers.push({ ...input, inputs: [] });
    }
    const before = layers.at(-1);
    layers.push({ name, className: entry.class_name, config: entry.config, inputs: before ? [before.name] : [] });
  }
  return { name: config.name, layers, output: layers.at(-1)?.name ?? "" };
}

function functional(config: z.infer<typeof functionalConfig>, file: string): LayersStructure {
  only(config.input_layers, "inputs", file);
  const output = only(config.output_layers, "outputs", file);
  const layers = config.layers.map((entry, position) => {
    const name = nameOf(entry, position);
    return { name, className: entry.class_name, config: entry.config, inputs: inboundOf(entry, name, file) };
  });
  return { name: config.name, layers, output };
}

function nameOf(entry: LayerEntry, position: number): string {
  return entry.name ?? entry.config.name ?? `layer${position}`;
}

function only(references: z.infer<typeof functionalConfig>["output_layers"], what: string, file: string): string {
  const list = typeof references[0] === "string" ? [references] : references;
  if (list.length !== 1) throw unsupported(file, `the model has ${list.length} ${what}; expected one`);
  return (list[0] as z.infer<typeof tensorReference>)[0];
}

const inboundNodes = z.union([z.array(z.array(tensorReference)), z.array(tensorReference)]);

/** Keyword arguments of a call (such as `training: false`) say nothing about structure and are passed over. */
function inboundOf(entry: LayerEntry, name: string, file: string): readonly string[] {
  const parsed = inboundNodes.safeParse(entry.inbound_nodes ?? []);
  if (!parsed.success) {
    throw unsupported(
      file,
      `layer "${name}" (${entry.class_name}): its inbound_nodes are not of the form [[["layer", 0, 0, {}]]]`,
      "Save the model with Keras 2 (tf-keras) or TensorFlow.js.",
    );
  }
  const calls = parsed.data;
  const [first] = calls;
  if (first === undefined) return [];
  if (typeof first[0] === "string") return (calls as z.infer<typeof tensorReference>[]).map(([layerName]) => layerName);
  if (calls.length > 1) {
    throw unsupported(file, `layer "${name}" (${entry.class_name}) is used ${calls.length} times; expected once`);
  }
  return (first as z.infer<typeof tensorReference>[]).map(([layerName]) => layerName);
}
