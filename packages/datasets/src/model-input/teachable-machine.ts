import type { Abortable } from "@mpo/io";
import { z } from "zod";
import { readJsonBeside } from "./beside-model.ts";
import type { InputForm } from "./input-form.ts";

/** Teachable Machine's description of a model; other programs' files of that name say nothing of what is read here. */
const metadataSchema = z.object({
  packageName: z.string().optional(),
  labels: z
    .array(z.union([z.string(), z.number().transform(String)]))
    .nonempty()
    .optional(),
});

/** Its program cuts pictures to their middle square, divides bytes by 127 and takes off 1. */
const INPUT: InputForm = { range: { mean: [127 / 255], deviation: [127 / 255] }, fit: "crop" };

/** What `metadata.json` beside a model says: names of its classes, and how its program prepares pictures. */
export async function readMetadata(
  model: string,
  options: Abortable,
): Promise<{ readonly classNames?: readonly string[] | undefined; readonly input?: InputForm }> {
  const { packageName, labels } = (await readJsonBeside(metadataSchema, model, "metadata.json", options)) ?? {};
  return { classNames: labels, ...(packageName === "@teachablemachine/image" ? { input: INPUT } : {}) };
}
