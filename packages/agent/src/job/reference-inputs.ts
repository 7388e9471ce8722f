import { join } from "node:path";
import { MpoError } from "@mpo/core";
import type { Samples } from "@mpo/engine";
import { type InputShape, readInputs } from "../serving/read-inputs.ts";
import { REFERENCE_FILE } from "../serving/reference-file.ts";

/** Reads them; undefined when there are none, or none with labels. */
export async function readReferenceInputs(folder: string, shape: InputShape): Promise<Required<Samples> | undefined> {
  try {
    const { set, labels } = await readInputs(join(folder, REFERENCE_FILE), shape);
    return labels === undefined ? undefined : { images: set.images, count: set.count, labels };
  } catch (thrown) {
    if (thrown instanceof MpoError && thrown.code === "not-found") return undefined;
    throw thrown;
  }
}
