import type { Fact } from "@mpo/core";
import { checkJson, parseJson } from "@mpo/datasets";
import { z } from "zod";
import { unsupported } from "./file-errors.ts";
import { type LayersStructure, structureOf } from "./layers-structure.ts";
import { type OtherFormat, otherFormat } from "./other-formats.ts";

/** One weight of a weight manifest, as in the file. */
export type WeightSpec = Fact<typeof weightSpec>;
const weightSpec = z.object({
  name: z.string().min(1),
  shape: z.array(z.number().int().nonnegative()),
  dtype: z.enum(["float32", "int32", "bool"]),
  quantization: z
    .object({
      dtype: z.enum(["uint8", "uint16", "float16"]),
      scale: z.number().optional(),
      min: z.number().optional(),
    })
    .optional(),
  /** "optimizer" for what is not part of the model. */
  group: z.string().optional(),
});

/** Weights that lie one after the other in the given files, taken together. */
export type WeightGroup = Fact<typeof weightGroup>;
const weightGroup = z.object({ paths: z.array(z.string().min(1)), weights: z.array(weightSpec) });

/** A model's structure, and who wrote it. */
export interface Topology extends LayersStructure {
  /** For example "2.9.0" or "tfjs-layers 4.22.0". */
  readonly kerasVersion: string;
}

/** What a `model.json` says. */
export interface LayersJson extends Topology {
  readonly manifest: readonly WeightGroup[];
  readonly metadata: unknown;
}

const topology = z.looseObject({ class_name: z.string(), config: z.unknown(), keras_version: z.string().optional() });
const outerTopology = z.looseObject({
  model_config: z.preprocess(parsedText, topology),
  keras_version: z.string().optional(),
});
const anyTopology = z.preprocess(parsedText, z.union([outerTopology, topology]));
const modelJson = z.looseObject({
  modelTopology: anyTopology,
  weightsManifest: z.array(weightGroup),
  userDefinedMetadata: z.unknown().optional(),
});

/** A model's `toJSON()` is text: some save it as it is. */
function parsedText(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return parseJson(value, "");
  } catch {
    return value;
  }
}

const graphModel = z.union([
  z.looseObject({ format: z.literal("graph-model") }),
  z.looseObject({ modelTopology: z.looseObject({ node: z.array(z.unknown()) }) }),
]);
const structureOnly = z.looseObject({
  class_name: z.string(),
  config: z.unknown(),
  modelTopology: z.undefined().optional(),
});

function otherFormatOf(json: unknown): OtherFormat | undefined {
  if (graphModel.safeParse(json).success) return "graphModel";
  if (structureOnly.safeParse(json).success) return "structure";
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  return isObject && !("modelTopology" in json) ? "unknown" : undefined;
}

/**
 * Parses a `model.json` of TensorFlow.js layers format, saved by TensorFlow.js or converted from Keras.
 * Throws `invalid-data` naming the place, and `unsupported` unless it is a Sequential or Functional model with one
 * input and one output.
 */
export function parseLayersJson(text: string, file: string): LayersJson {
  const parsed = parseJson(text, file);
  const format = otherFormatOf(parsed);
  if (format !== undefined) throw otherFormat(file, format);
  const { modelTopology, weightsManifest, userDefinedMetadata } = checkJson(modelJson, parsed, file);
  return { ...topologyOf(modelTopology, file), manifest: weightsManifest, metadata: userDefinedMetadata };
}

/** Reads a model's structure as Keras and TensorFlow.js write it. Throws as `parseLayersJson` does. */
export function topologyOf(json: unknown, file: string): Topology {
  const outer = checkJson(anyTopology, json, file);
  const inner = checkJson(topology, "model_config" in outer ? outer.model_config : outer, file);
  const structure = structureOf(inner.class_name, inner.config, file);
  if (structure === undefined) {
    throw unsupported(file, `the model is of class "${inner.class_name}"; expected Sequential, Functional or Model`);
  }
  return { ...structure, kerasVersion: outer.keras_version ?? inner.keras_version ?? "" };
}
