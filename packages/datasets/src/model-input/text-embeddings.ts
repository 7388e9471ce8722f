import { readFile } from "node:fs/promises";
import { type Abortable, fileError, throwIfAborted } from "@mpo/io";
import { z } from "zod";
import { checkJson, parseJson } from "./checked-json.ts";

const vector = z
  .array(z.number())
  .min(1)
  .refine((values) => values.some((value) => value !== 0), "expected a vector with a direction; all of it is 0");
const embeddings = z
  .record(z.string().min(1), vector)
  .refine((texts) => Object.keys(texts).length >= 2, "expected two classes or more");

/**
 * What the texts of classes mean, by class: `{"a cat": [0.1, ...], "a dog": [...]}`, in the file's order. Throws
 * `not-found`, `invalid-data` naming the class, `cancelled`.
 */
export async function readTextEmbeddings(
  path: string,
  { signal }: Abortable = {},
): Promise<ReadonlyMap<string, readonly number[]>> {
  throwIfAborted(signal);
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  return new Map(Object.entries(checkJson(embeddings, parseJson(text, path), path)));
}
