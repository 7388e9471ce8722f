import { checkJson } from "@mpo/datasets";
import { z } from "zod";
import { unsupported } from "./file-errors.ts";

/** One layer, as in the file; `inputs` are names of layers. */
export interface LayerJson {
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  /** Layer whose weights it has: another use of the same layer. */
  readonly sharedWith?: string;
  /** Numbers that it calculates with, beside what it reads: `x / 127.5` in Python is a layer of a Keras model. */
  readonly constants?: readonly number[];
  /** Where Keras 3 keeps its weights, such as `layers/conv2d_1`. */
  readonly path?: string;
}

/** The layers of a model and how they hang together. */
export interface LayersStructure {
  readonly name: string;
  readonly layers: readonly LayerJson[];
  /** Name of the layer whose output is the model's. */
  readonly output: string;
}

/** `["layer", 0, 0]`: layer, which use of it, which output; Keras 2 may add keyword arguments. */
const tensorReference = z.tuple([z.string(), z.number(), z.number()]).rest(z.unknown());
type TensorReference = z.infer<typeof tensorReference>;
const layer = z.looseObject({
  /** Own layers may have their package before their name: `Custom>LayerScale`. */
  class_name: z.string().transform((name) => name.replace(/^.*>/, "")),
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
  if (className === "Sequential") return flattened(sequential(checkJson(sequentialConfig, config, file), file), file);
  if (className === "Functional" || className === "Model") {
    return flattened(functional(checkJson(functionalConfig, config, file), file), file);
  }
  return undefined;
}

const INPUT = "InputLayer";

/** Puts the layers of inner models into the outer one: an inner input is what the inner model reads. */
function flattened({ name, layers: found, output }: LayersStructure, file: string): LayersStructure {
  const layers = withPaths(found);
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
    // Another use of the model is other layers, with the weights of the first.
    const suffix = layer.sharedWith === undefined ? "" : layer.name.slice(layer.sharedWith.length);
    const outside = (input: string): string => (input === own ? source : `${input}${suffix}`);
    for (const part of inner.layers) {
      if (part.className === INPUT) continue;
      const path = `${layer.path}/${part.path}`;
      const shared = suffix === "" ? {} : { sharedWith: part.sharedWith ?? part.name };
      flat.push({ ...part, name: `${part.name}${suffix}`, inputs: part.inputs.map(outside), path, ...shared });
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

/** Keras 3 calls a layer's weights by its class, in snake case, and counts from the second of a class on. */
export function withPaths(layers: readonly LayerJson[]): readonly LayerJson[] {
  const counts = new Map<string, number>();
  return layers.map((layer) => {
    const { className } = layer;
    const snake = className.replace(/(.)([A-Z][a-z]+)/g, "$1_$2").replace(/([a-z])([A-Z])/g, "$1_$2");
    const count = counts.get(className) ?? 0;
    if (layer.sharedWith === undefined) counts.set(className, count + 1);
    return { ...layer, path: `layers/${snake.toLowerCase()}${count === 0 ? "" : `_${count}`}` };
  });
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
  const own = batchShapeOf(entry.config);
  if (own !== undefined || entry.class_name === INPUT) return own;
  const inner = structureOf(entry.class_name, entry.config, file);
  return batchShapeOf(inner?.layers.find(({ className }) => className === INPUT)?.config ?? {});
}

/** The shape of an input with its batch, under the name that Keras 2, Keras 3 or TensorFlow.js gives it. */
export function batchShapeOf(config: LayerJson["config"]): unknown {
  return config["batch_input_shape"] ?? config["batch_shape"] ?? config["batchInputShape"];
}

type LayerEntry = z.infer<typeof layer>;

function sequential(config: z.infer<typeof sequentialConfig>, file: string): LayersStructure {
  const layers: LayerJson[] = [];
  for (const [position, entry] of config.layers.entries()) {
    const previous = layers.at(-1);
    const name = nameOf(entry, position);
    const inputShape = inputShapeOf(entry, file);
    if (previous === undefined && entry.class_name !== "InputLayer") {
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
  const uses = new Map(
    config.layers.map((entry, position) => {
      const name = nameOf(entry, position);
      return [name, { entry, calls: callsOf(entry, name, file) }] as const;
    }),
  );
  const useName = (name: string, use: number): string =>
    use > 0 && use < (uses.get(name)?.calls.length ?? 0) ? `${name}_use${use + 1}` : name;
  const named = ([name, use]: TensorReference): string => useName(name, use);
  const layers = [...uses].flatMap(([name, { entry, calls }]) => {
    const { class_name: className, config: own } = entry;
    const operation = operationOf(entry) ?? className;
    if (calls.some(([first]) => typeof first === "number") && !COMMUTATIVE.has(operation)) {
      throw unsupported(file, `layer "${name}" (${operation}) begins with a number, as in 1 - x; expected x - 1`);
    }
    return (calls.length === 0 ? [[]] : calls).map((operands, use) => ({
      name: useName(name, use),
      className: operation,
      config: own,
      inputs: operands.filter((operand) => typeof operand !== "number").map(named),
      constants: operands.filter((operand) => typeof operand === "number"),
      ...(use > 0 ? { sharedWith: name } : {}),
    }));
  });
  return { name: config.name, layers, output: named(only(config.output_layers, "outputs", file)) };
}

function nameOf(entry: LayerEntry, position: number): string {
  return entry.name ?? entry.config.name ?? `layer${position}`;
}

function only(
  references: z.infer<typeof functionalConfig>["output_layers"],
  what: string,
  file: string,
): TensorReference {
  const list = (typeof references[0] === "string" ? [references] : references) as TensorReference[];
  const [first] = list;
  if (first !== undefined && list.length === 1) return first;
  throw unsupported(file, `the model has ${list.length} ${what}; expected one`);
}

const oldInboundNodes = z.union([
  z.array(z.array(tensorReference)),
  z.array(tensorReference).transform((call) => [call]),
]);
/** Keras 3: the arguments of each call, among them the tensors. */
const inboundNodes = z.array(z.object({ args: z.array(z.unknown()) }));
const kerasTensor = z.object({ config: z.object({ keras_history: tensorReference }) });

type Operand = TensorReference | number;

/**
 * What each use of a layer reads: tensors, and numbers of Python's arithmetic. Keyword arguments of a call (such as
 * `training: false`) say nothing about structure and are passed over.
 */
function callsOf(entry: LayerEntry, name: string, file: string): readonly (readonly Operand[])[] {
  const found = entry.inbound_nodes ?? [];
  const old = oldInboundNodes.safeParse(found);
  if (old.success) {
    const calls = old.data.filter((call) => call.length > 0);
    return entry.class_name === LAMBDA ? calls.map((call) => call.flatMap(lambdaOperands)) : calls;
  }
  const calls = inboundNodes.safeParse(found);
  if (calls.success) return calls.data.map(({ args }) => operandsOf(args));
  throw unsupported(
    file,
    `layer "${name}" (${entry.class_name}): its inbound_nodes are not of the form [[["layer", 0, 0, {}]]] or [{"args": [...]}]`,
  );
}

function operandsOf(argument: unknown): readonly Operand[] {
  if (Array.isArray(argument)) return argument.flatMap(operandsOf);
  if (typeof argument === "number") return [argument];
  const tensor = kerasTensor.safeParse(argument);
  return tensor.success ? [tensor.data.config.keras_history] : [];
}

/** An operation of TensorFlow in a model of Keras 2, and its second operand among the keyword arguments. */
const LAMBDA = "TFOpLambda";
const CONSTANT = "_CONSTANT_VALUE";

function lambdaOperands([name, use, tensor, keywords]: TensorReference): readonly Operand[] {
  const first: Operand = name === CONSTANT ? tensor : [name, use, tensor];
  const { y } = z.looseObject({ y: z.unknown() }).catch({ y: undefined }).parse(keywords);
  const second = tensorReference.safeParse(y);
  return [first, ...(second.success ? [second.data] : operandsOf(y))];
}

const OPERATIONS: Readonly<Record<string, string>> = {
  add: "Add",
  subtract: "Subtract",
  multiply: "Multiply",
  truediv: "TrueDivide",
  divide: "TrueDivide",
};

const COMMUTATIVE: ReadonlySet<string> = new Set(["Add", "Multiply"]);

/** The name that Keras 3 has for an operation of Keras 2. */
function operationOf({ class_name: className, config }: LayerEntry): string | undefined {
  const { function: own } = config;
  if (className !== LAMBDA || typeof own !== "string") return undefined;
  return OPERATIONS[own.slice(own.lastIndexOf(".") + 1)] ?? own;
}
