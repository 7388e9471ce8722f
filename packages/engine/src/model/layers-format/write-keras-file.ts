import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Abortable, throwIfAborted, writeFileAtomic } from "@mpo/io";
import type { Model } from "../model-graph.ts";
import { validateGraph } from "../validate-graph.ts";
import { checkWeights } from "../variables.ts";
import { exportKeras, type KerasModel } from "./keras-export.ts";
import { MODEL_FILE_MODE } from "./write-layers-model.ts";

/** The release whose reading of these files is tested. */
const KERAS_VERSION = "3.15.1";

/**
 * Writes a model as a `.keras` file of Keras 3, in one step. Throws `invalid-argument` for weights that do not fit the
 * graph, `invalid-data` for numbers that are not finite, `unavailable`, `cancelled`.
 */
export async function writeKerasFile(model: Model, path: string, options: Abortable = {}): Promise<void> {
  validateGraph(model.graph);
  checkWeights(model);
  throwIfAborted(options.signal);
  const { config, variables } = exportKeras(model);
  const json = (content: object): Uint8Array => Buffer.from(JSON.stringify(content), "utf8");
  const { zipSync } = await import("fflate");
  const archive = zipSync(
    {
      "metadata.json": json({ keras_version: KERAS_VERSION }),
      "config.json": json(config),
      "model.weights.h5": await hdf5Of(variables),
    },
    // Numbers hardly become smaller.
    { level: 0 },
  );
  await writeFileAtomic(path, archive, { ...options, mode: MODEL_FILE_MODE });
}

/** The HDF5 library writes files only. */
async function hdf5Of(variables: KerasModel["variables"]): Promise<Uint8Array> {
  const { default: h5wasm } = await import("h5wasm/node");
  await h5wasm.ready;
  const folder = await mkdtemp(join(tmpdir(), "mpo-keras-"));
  const path = join(folder, "model.weights.h5");
  try {
    const file = new h5wasm.File(path, "w");
    const groups = new Set<string>();
    for (const [place, { shape, values }] of variables) {
      for (const group of foldersOf(place)) {
        if (!groups.has(group)) file.create_group(group);
        groups.add(group);
      }
      file.create_dataset({ name: place, data: values, shape: [...shape], dtype: "<f4" });
    }
    file.close();
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `a/b/c`: `a`, `a/b`. */
function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === "." ? [] : [...foldersOf(folder), folder];
}
