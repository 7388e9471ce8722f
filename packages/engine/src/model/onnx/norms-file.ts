import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NORMS_FILE } from "@mpo/core";
import { type Abortable, fileError, ifFound, writeFileAtomic } from "@mpo/io";
import { invalid } from "../layers-format/file-errors.ts";
import { requireFinite } from "../layers-format/stored-weights.ts";
import { MODEL_FILE_MODE } from "../layers-format/write-layers-model.ts";
import type { Model } from "../model-graph.ts";
import { decodeSafetensorsFile, encodeSafetensors } from "../safetensors/safetensors-file.ts";
import { channelsOf, foldedConvolutions, NORM_PARTS, normOf, withNorms } from "./folded-norms.ts";

/** Of the metadata: the SHA-256 of the ONNX file that the normalisations are folded into. */
const OF_MODEL = "model";

/**
 * A model from an ONNX file with the normalisations that lie beside the file; as it is, where there are none, or those of
 * another model. Throws `invalid-data` for a file that is damaged or does not fit the model.
 */
export async function withNormsBeside(model: Model, modelFile: string): Promise<Model> {
  const found = await normsBeside(modelFile);
  if (found === undefined) return model;
  const { path, tensors } = found;
  const convolutions = foldedConvolutions(model.graph).filter((node) => tensors.has(`${normOf(node)}/gamma`));
  const norms = new Map<string, Float32Array>();
  for (const node of convolutions) {
    for (const part of NORM_PARTS) {
      const name = `${normOf(node)}/${part}`;
      const values = tensors.get(name)?.values();
      const channels = channelsOf(node, model);
      if (values?.length !== channels)
        throw invalid(path, `"${name}" has ${values?.length ?? "no"} numbers; expected ${channels}`);
      requireFinite(values, name, `of ${path},`);
      if (part === "moving_variance" && values.some((value) => value < 0))
        throw invalid(path, `"${name}" has variances below 0`);
      norms.set(name, values);
    }
  }
  const other = [...tensors.keys()].find((name) => !norms.has(name));
  if (other !== undefined)
    throw invalid(path, `"${other}" is of no convolution that has a normalisation folded into it`);
  return withNorms(model, convolutions, norms);
}

/** Whether normalisations lie beside an ONNX file that are its own. */
export async function hasNormsBeside(modelFile: string): Promise<boolean> {
  return (await normsBeside(modelFile)) !== undefined;
}

/** Writes a model's normalisations that are folded into the file beside that; removes older ones, where it has none. */
export async function writeNormsBeside({ onnx, weights }: Model, modelFile: string, options: Abortable): Promise<void> {
  const path = pathBeside(modelFile);
  const norms = [...(onnx?.norms?.values() ?? [])];
  if (norms.length === 0) return await rm(path, { force: true });
  const names = norms.flatMap((norm) => NORM_PARTS.map((part) => `${norm}/${part}`));
  const tensors = new Map(
    names.map((name) => {
      const values = weights.get(name)!;
      return [name, { shape: [values.length], values }] as const;
    }),
  );
  const bytes = encodeSafetensors(tensors, { [OF_MODEL]: sha256(await bytesOf(modelFile)) });
  await writeFileAtomic(path, bytes, { ...options, mode: MODEL_FILE_MODE });
}

async function normsBeside(modelFile: string) {
  const path = pathBeside(modelFile);
  const bytes = await ifFound(bytesOf(path));
  if (bytes === undefined) return undefined;
  const { tensors, metadata } = decodeSafetensorsFile(bytes, path);
  return metadata[OF_MODEL] === sha256(await bytesOf(modelFile)) ? { path, tensors } : undefined;
}

function pathBeside(modelFile: string): string {
  return join(dirname(modelFile), NORMS_FILE);
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
