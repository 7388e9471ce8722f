import { MpoError } from "@mpo/core";
import { z } from "zod";

/** One weight of a weight manifest, as in the file. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly quantization?: {
    readonly dtype: "uint8" | "uint16" | "float16";
    readonly scale?: number;
    readonly min?: number;
  };
  /** "optimizer" for what is no part of the model. */
  readonly group?: string;
}

/** Weights that lie one after the other in the given files, taken together. */
export interface WeightGroup {
  readonly paths: readonly string[];
  readonly weights: readonly WeightSpec[];
}

/** One layer, as in the file; `inputs` are names of layers. */
export interface LayerJson {
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
}

/** What a `model.json` says. */
export interface LayersJson {
  readonly name: string;
  readonly layers: readonly LayerJson[];
  /** Name of the layer whose output is the model's. */
  readonly output: string;
  /** For example "2.9.0" or "tfjs-layers 4.22.0". */
  readonly kerasVersion: string;
  readonly manifest: readonly WeightGroup[];
  readonly metadata: unknown;
}

const extent = z.number().int().nonnegative();
const weightSpec = z.object({
  name: z.string().min(1),
  shape: z.array(extent),
  dtype: z.enum(["float32", "int32", "bool"]),
  quantization: z
    .object({
      dtype: z.enum(["uint8", "uint16", "float16"]),
      scale: z.number().optional(),
      min: z.number().optional(),
    })
    .optional(),
  group: z.string().optional(),
});
const manifest = z.array(z.object({ paths: z.array(z.string().min(1)), weights: z.array(weightSpec) }));

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
const topology = z.looseObject({ class_name: z.string(), config: z.unknown(), keras_version: z.string().optional() });
const outerTopology = z.looseObject({ model_config: topology, keras_version: z.string().optional() });
const modelJson = z.looseObject({
  modelTopology: z.union([outerTopology, topology]),
  weightsManifest: manifest,
  userDefinedMetadata: z.unknown().optional(),
});

/**
 * Parses a `model.json` of TensorFlow.js layers format, saved by TensorFlow.js or converted from Keras.
 * Throws `invalid-data` naming the place, and `unsupported` for what is no Sequential or Functional model with one
 * input and one output.
 */
export function parseLayersJson(text: string, file: string): LayersJson {
  const json = check(modelJson, parseJson(text, file), file);
  const { modelTopology } = json;
  const inner: z.infer<typeof topology> =
    "model_config" in modelTopology
      ? check(topology, modelTopology.model_config, file)
      : check(topology, modelTopology, file);
  const kerasVersion = modelTopology.keras_version ?? inner.keras_version ?? "";
  const common = {
    kerasVersion,
    manifest: json.weightsManifest as LayersJson["manifest"],
    metadata: json.userDefinedMetadata,
  };
  if (inner.class_name === "Sequential") {
    return { ...common, ...sequential(check(sequentialConfig, inner.config, file), file) };
  }
  if (inner.class_name === "Functional" || inner.class_name === "Model") {
    return { ...common, ...functional(check(functionalConfig, inner.config, file), file) };
  }
  throw new MpoError(
    "unsupported",
    `${file}: the model is of class "${inner.class_name}"; expected Sequential, Functional or Model`,
  );
}

/** Checks a value against a schema. Throws `invalid-data` naming file and place. */
export function check<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new MpoError("invalid-data", `${file}: at ${issue?.path.join(".") || "the top"}: ${issue?.message}`, {
    cause: result.error,
  });
}

/** Parses JSON. Throws `invalid-data` naming the file. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new MpoError("invalid-data", `${file}: no JSON: ${MpoError.from(thrown).message}`, { cause: thrown });
  }
}

type Structure = Pick<LayersJson, "name" | "layers" | "output">;
type LayerEntry = z.infer<typeof layer>;

function sequential(config: z.infer<typeof sequentialConfig>, file: string): Structure {
  const layers: LayerJson[] = [];
  for (const [position, entry] of config.layers.entries()) {
    const previous = layers.at(-1);
    const name = nameOf(entry, position);
    const inputShape = entry.config["batch_input_shape"];
    if (previous === undefined && entry.class_name !== "InputLayer") {
      if (inputShape === undefined) {
        throw new MpoError(
          "unsupported",
          `${file}: the Sequential model has no input shape; expected it in its first layer`,
          {
            hint: "Give the first layer an input shape, or build the model, before saving it.",
          },
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

function functional(config: z.infer<typeof functionalConfig>, file: string): Structure {
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
  if (list.length !== 1)
    throw new MpoError("unsupported", `${file}: the model has ${list.length} ${what}; expected one`);
  return (list[0] as z.infer<typeof tensorReference>)[0];
}

const inboundNodes = z.union([z.array(z.array(tensorReference)), z.array(tensorReference)]);

/** Keyword arguments of a call (such as `training: false`) say nothing about structure and are passed over. */
function inboundOf(entry: LayerEntry, name: string, file: string): readonly string[] {
  const parsed = inboundNodes.safeParse(entry.inbound_nodes ?? []);
  if (!parsed.success) {
    throw new MpoError(
      "unsupported",
      `${file}: layer "${name}" (${entry.class_name}): its inbound_nodes are not of the form [[["layer", 0, 0, {}]]]`,
      { hint: "Save the model with Keras 2 (tf-keras) or TensorFlow.js." },
    );
  }
  const calls = parsed.data;
  const [first] = calls;
  if (first === undefined) return [];
  if (typeof first[0] === "string") return (calls as z.infer<typeof tensorReference>[]).map(([layerName]) => layerName);
  if (calls.length > 1) {
    throw new MpoError(
      "unsupported",
      `${file}: layer "${name}" (${entry.class_name}) is used ${calls.length} times; expected once`,
    );
  }
  return (first as z.infer<typeof tensorReference>[]).map(([layerName]) => layerName);
}
