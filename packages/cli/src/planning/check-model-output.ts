import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { MODEL_CARD_FILE, MODEL_FILE, ONNX_FILE } from "@mpo/datasets";
import { checkOutput, type OutputOptions } from "./check-output.ts";

/**
 * Checks that a model and its card can be written into a folder. Throws as `checkOutput` does; that they are there is seen
 * by either.
 */
export async function checkModelOutput(output: string, options: OutputOptions, option = "--output"): Promise<void> {
  const folder = resolve(options.workingFolder, output);
  if (!options.force && [MODEL_FILE, ONNX_FILE, MODEL_CARD_FILE].some((name) => existsSync(join(folder, name)))) {
    throw new MpoError("already-exists", `${option} ${output} holds a model already`, {
      hint: `Choose another ${option}, or add --force to write over it.`,
    });
  }
  await checkOutput(option, join(output, MODEL_FILE), { ...options, force: true });
}
