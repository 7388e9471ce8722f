import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SERVING_FOLDERS } from "@mpo/agent";
import { REFERENCE_FILE } from "@mpo/core";
import { encodeNpy, encodeNpyImages, type ImageSet, MODEL_FILE } from "@mpo/datasets";
import { fileError } from "@mpo/io";

/**
 * Deploys a model into a serving folder, as a program's installer would: the model's files, and a few
 * labelled inputs, which confidences are held against. What is there already stays. It appears in one step, so that an agent never sees half a model.
 */
export async function prepareServing(folder: string, weights: string, labelled: ImageSet): Promise<void> {
  const target = join(folder, SERVING_FOLDERS.source);
  if (await stat(join(target, MODEL_FILE)).catch(() => undefined)) return;
  try {
    await mkdir(join(folder, SERVING_FOLDERS.inputs), { recursive: true });
    const half = await mkdtemp(join(folder, ".model-"));
    try {
      for (const name of await readdir(weights)) await copyFile(join(weights, name), join(half, name));
      await writeFile(join(half, REFERENCE_FILE), encodeNpyImages(labelled));
      if (labelled.labels !== undefined) {
        const labels = encodeNpy({ type: "i4", shape: [labelled.count], data: labelled.labels });
        await writeFile(join(half, REFERENCE_FILE.replace(/\.npy$/u, ".labels.npy")), labels);
      }
      await rename(half, target);
    } finally {
      await rm(half, { recursive: true, force: true });
    }
  } catch (thrown) {
    throw fileError(thrown, "deploy a model in", dirname(target));
  }
}
