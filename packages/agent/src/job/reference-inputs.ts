import { join } from "node:path";
import { REFERENCE_FILE } from "@mpo/core";
import type { PictureForm } from "@mpo/datasets";
import type { Samples } from "@mpo/engine";
import { ifFound } from "@mpo/io";
import { readInputs } from "../serving/read-inputs.ts";

/** Reads them; undefined when there are none, or none with labels. */
export async function readReferenceInputs(folder: string, shape: PictureForm): Promise<Required<Samples> | undefined> {
  const { set, labels } = (await ifFound(readInputs(join(folder, REFERENCE_FILE), shape))) ?? {};
  return set === undefined || labels === undefined ? undefined : { images: set.images, count: set.count, labels };
}
