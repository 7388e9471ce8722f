import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { LARGEST_HALF, MpoError, numberToHalf } from "@mpo/core";
import { MODEL_FILE } from "@mpo/datasets";
import { type Abortable, makeFolder, throwIfAborted, writeFileAtomic } from "@mpo/io";
import { elementsOf, type Model } from "../model-graph.ts";
import { validateGraph } from "../validate-graph.ts";
import { checkWeights } from "../variables.ts";
import { type ExportedModel, type ExportedWeight, exportLayers } from "./layer-export.ts";
import type { LayerJson } from "./layers-structure.ts";
import { HASH_DIGITS } from "./stored-weights.ts";

/** Largest weight file, as TensorFlow.js's own converter writes them. */
const SHARD_BYTES = 4 * 1024 * 1024;
const BYTES = { single: 4, half: 2 } as const;
/** As TensorFlow.js's own converter says it. */
const STORED_TYPE = {
  single: { dtype: "float32" },
  half: { dtype: "float32", quantization: { dtype: "float16", original_dtype: "float32" } },
} as const;
const SHARD_NAME = /^weights-\d+of\d+-[0-9a-f]+\.bin$/;

/** Models are not secret: the program that serves one may run as another user. The process's umask has the last word. */
export const MODEL_FILE_MODE = 0o666;

/** How numbers are kept: as they are, or in 16 bits, which is half the file and moves each by at most 0.05 %. */
export type StoredPrecision = "single" | "half";

export interface WriteLayersOptions extends Abortable {
  /** Default: single. */
  readonly precision?: StoredPrecision;
}

/**
 * Writes a model as TensorFlow.js layers format, for `tf.loadLayersModel` (models with group normalisation need
 * `registerGroupNormalization` first) and `readLayersModel`; gives the path of its `model.json`.
 *
 * The folder may exist and hold other files and an older model. Weight files are named by their content and written
 * first, `model.json` replaces the old one last, in one step: whatever happens, the folder holds a whole model, the old
 * or the new. Then the old weight files are removed. Of a failure no empty folder remains.
 *
 * Throws `invalid-argument` for weights that do not fit the graph, `invalid-data` for numbers that are not finite, or too
 * large for half precision, `unavailable`, `cancelled`.
 */
export async function writeLayersModel(
  model: Model,
  folder: string,
  { precision = "single", ...options }: WriteLayersOptions = {},
): Promise<string> {
  validateGraph(model.graph);
  checkWeights(model);
  throwIfAborted(options.signal);
  const exported = exportLayers(model);
  const path = join(folder, MODEL_FILE);
  const isNew = !existsSync(folder);
  await makeFolder(folder);
  const oldShards = await listedShards(path);
  const written: string[] = [];
  try {
    for (const shard of shardsOf(exported.weights, precision)) {
      await writeFileAtomic(join(folder, shard.name), shard.bytes, { ...options, mode: MODEL_FILE_MODE });
      written.push(shard.name);
    }
    await writeFileAtomic(path, modelJson(model, exported, { paths: written, precision }), {
      ...options,
      mode: MODEL_FILE_MODE,
    });
  } catch (thrown) {
    await removeShards(folder, written, oldShards);
    if (isNew) await rmdir(folder).catch(() => undefined);
    throw thrown;
  }
  await removeShards(folder, oldShards, written);
  return path;
}

interface Shard {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Cuts the weights, one after the other, into files. */
function* shardsOf(weights: readonly ExportedWeight[], precision: StoredPrecision): Generator<Shard> {
  const total = BYTES[precision] * weights.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const count = Math.max(1, Math.ceil(total / SHARD_BYTES));
  let number = 0;
  let bytes = new Uint8Array(Math.min(total, SHARD_BYTES));
  let filled = 0;
  const finished = (): Shard => {
    number++;
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, HASH_DIGITS);
    return { name: `weights-${number}of${count}-${hash}.bin`, bytes };
  };
  for (const { name, values } of weights) {
    const numbers = precision === "half" ? halves(name, values()) : values();
    let rest = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    while (rest.length > 0) {
      const part = rest.subarray(0, bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
      if (filled === bytes.length && number < count - 1) {
        yield finished();
        bytes = new Uint8Array(Math.min(total - number * SHARD_BYTES, SHARD_BYTES));
        filled = 0;
      }
    }
  }
  yield finished();
}

function halves(name: string, values: Float32Array): Uint16Array {
  const large = values.find((value) => Math.abs(value) > LARGEST_HALF);
  if (large !== undefined) {
    throw new MpoError("invalid-data", `weight "${name}" holds ${large}; half precision ends at ${LARGEST_HALF}`, {
      hint: "Write the model in single precision.",
    });
  }
  return Uint16Array.from(values, numberToHalf);
}

interface StoredAs {
  readonly paths: readonly string[];
  readonly precision: StoredPrecision;
}

function modelJson(model: Model, { layers, weights, metadata }: ExportedModel, { paths, precision }: StoredAs): string {
  const { name, nodes, output } = model.graph;
  const config = {
    name,
    layers: layers.map(layerEntry),
    input_layers: [[nodes[0]?.name, 0, 0]],
    output_layers: [[output, 0, 0]],
  };
  return JSON.stringify({
    format: "layers-model",
    generatedBy: "mpo",
    convertedBy: null,
    modelTopology: { class_name: "Model", config, keras_version: "tfjs-layers 4.22.0", backend: "tensor_flow.js" },
    weightsManifest: [
      { paths, weights: weights.map(({ name: of, shape }) => ({ name: of, shape, ...STORED_TYPE[precision] })) },
    ],
    userDefinedMetadata: { mpo: metadata },
  });
}

function layerEntry({ name, className, config, inputs }: LayerJson): object {
  const inbound = inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])];
  return { name, class_name: className, config, inbound_nodes: inbound };
}

/** Our weight files that the model in the folder names; none when there is no readable one. */
async function listedShards(path: string): Promise<readonly string[]> {
  try {
    const json = JSON.parse(await readFile(path, "utf8")) as { weightsManifest?: { paths?: unknown[] }[] };
    const paths = json.weightsManifest?.flatMap((group) => group.paths ?? []) ?? [];
    return paths.filter((name): name is string => typeof name === "string" && SHARD_NAME.test(name));
  } catch {
    return [];
  }
}

async function removeShards(folder: string, shards: readonly string[], keep: readonly string[]): Promise<void> {
  for (const name of shards) {
    if (!keep.includes(name)) await rm(join(folder, name), { force: true });
  }
}
