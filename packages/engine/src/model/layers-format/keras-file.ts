import { MpoError } from "@mpo/core";
import { type Hdf5Array, type Hdf5Group, isHdf5Array, parseJson, withHdf5 } from "@mpo/datasets";
import { invalid } from "./file-errors.ts";
import { type Topology, topologyOf } from "./layers-json.ts";
import { otherFormat } from "./other-formats.ts";
import { requireFinite, type StoredWeight } from "./stored-weights.ts";

/** A model as Keras itself saves it. */
export interface KerasFile {
  readonly topology: Topology;
  readonly weights: ReadonlyMap<string, StoredWeight>;
}

/** Reads an `.h5` file, Keras' older format. Throws `invalid-data` and `unsupported`. */
export async function readH5File(bytes: Uint8Array, file: string): Promise<KerasFile> {
  return await opened(bytes, file, (root) => {
    const { model_config: config, keras_version: version } = root.attrs;
    if (config === undefined) {
      const isWeights = "layer_names" in root.attrs || root.keys.includes("layers");
      throw otherFormat(file, isWeights ? "weights" : "hdf5");
    }
    const topology = topologyOf({ model_config: config, keras_version: version }, file);
    // Of "conv" and "conv/1", the latter is the layer of what begins with both.
    const layers = topology.layers.map(({ name }) => name).toSorted((left, right) => right.length - left.length);
    const weights = weightsBelow(root.get("model_weights"), file, (path) => {
      // The group is the layer; what lies between it and the variable's name may have been numbered otherwise.
      const variable = path.replace(/:0$/, "");
      const layer = layers.find((name) => variable.startsWith(`${name}/`));
      return layer === undefined ? variable : `${layer}/${variable.split("/").at(-1)}`;
    });
    return { topology, weights };
  });
}

const KERAS_PARTS: ReadonlySet<string> = new Set(["config.json", "metadata.json", "model.weights.h5"]);

/** Reads a `.keras` file, a zip archive of the structure and of HDF5. Throws `invalid-data` and `unsupported`. */
export async function readKerasFile(bytes: Uint8Array, file: string): Promise<KerasFile> {
  const { unzipSync } = await import("fflate");
  const parts = damaged(file, () => unzipSync(bytes, { filter: ({ name }) => KERAS_PARTS.has(name) }));
  const { "config.json": config, "metadata.json": metadata, "model.weights.h5": stored } = parts;
  if (config === undefined || stored === undefined) throw otherFormat(file, "zip");
  const json = (part: Uint8Array): unknown => parseJson(Buffer.from(part).toString("utf8"), file);
  const topology = topologyOf({ model_config: json(config), ...(metadata && (json(metadata) as object)) }, file);
  const weights = await opened(stored, file, (root) =>
    weightsBelow(root, file, (path) => {
      const place = path.replaceAll("\\", "/").replace(/^_layer_checkpoint_dependencies\//, "layers/");
      return place.startsWith("layers/") ? place : undefined;
    }),
  );
  return { topology, weights };
}

async function opened<T>(bytes: Uint8Array, file: string, use: (root: Hdf5Group) => T): Promise<T> {
  return await withHdf5(bytes, file, use, () => damage(file));
}

/** The library throws whatever it met in a file that is not whole, texts too. */
function damaged<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    throw thrown instanceof MpoError ? thrown : damage(file);
  }
}

function damage(file: string): MpoError {
  return invalid(file, "is damaged, or has HDF5 content that Keras does not write", "Copy the model again.");
}

/** The floating-point datasets of a group, by the name that `nameOf` gives their path; optimizer state has none. */
function weightsBelow(
  group: Hdf5Group | Hdf5Array,
  file: string,
  nameOf: (path: string) => string | undefined,
): ReadonlyMap<string, StoredWeight> {
  const weights = new Map<string, StoredWeight>();
  const visit = (part: Hdf5Group | Hdf5Array, path: string): void => {
    if (!isHdf5Array(part)) {
      for (const key of part.keys) visit(part.get(key), path === "" ? key : `${path}/${key}`);
      return;
    }
    const name = nameOf(path);
    if (name === undefined || typeof part.dtype !== "string" || !part.dtype.includes("f")) return;
    const values = Float32Array.from(part.value);
    requireFinite(values, name, `in ${file}`);
    weights.set(name, { shape: part.shape, values, file, offsetBytes: 0 });
  };
  visit(group, "");
  return weights;
}
