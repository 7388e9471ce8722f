import { writeFile } from "node:fs/promises";
import { encodeNpy, encodeNpyImages, type ImageSet } from "@mpo/datasets";

/**
 * Writes images as an agent's inputs, `FILE.npy`, with labels beside them that name each class in turn. Without labels a window
 * looks at the mix of classes first, which the answers of random weights say nothing of.
 */
export async function writeLabelledInputs(file: string, images: ImageSet, classes: number): Promise<void> {
  const labels = Int32Array.from({ length: images.count }, (_, at) => at % classes);
  await writeFile(file, encodeNpyImages(images));
  const shape = [images.count];
  await writeFile(file.replace(/\.npy$/u, ".labels.npy"), encodeNpy({ type: "i4", shape, data: labels }));
}
