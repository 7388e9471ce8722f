import { MpoError } from "@mpo/core";
import { z } from "zod";
import { check, parseJson } from "./checked-json.ts";
import { type LayersStructure, structureOf } from "./layers-structure.ts";

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

/** What a `model.json` says. */
export interface LayersJson extends LayersStructure {
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

const topology = z.looseObject({ class_name: z.string(), config: z.unknown(), keras_version: z.string().optional() });
const outerTopology = z.looseObject({
  model_config: z.preprocess(parsedText, topology),
  keras_version: z.string().optional(),
});
const modelJson = z.looseObject({
  modelTopology: z.preprocess(parsedText, z.union([outerTopology, topology])),
  weightsManifest: manifest,
  userDefinedMetadata: z.unknown().optional(),
});

/** A model's `toJSON()` is text: some save it as it is. */
function parsedText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

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
  const structure = structureOf(inner.class_name, inner.config, file);
  if (structure !== undefined) return { ...common, ...structure };
  throw new MpoError(
    "unsupported",
    `${file}: the model is of class "${inner.class_name}"; expected Sequential, Functional or Model`,
  );
}
