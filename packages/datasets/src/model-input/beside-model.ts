import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Abortable, fileError, ifFound, throwIfAborted } from "@mpo/io";
import type { z } from "zod";
import { checkJson, parseJson } from "./checked-json.ts";

/** Name of the file that describes a TensorFlow.js layers model. */
export const MODEL_FILE = "model.json";

/** The folder of a model that is named by its folder or its file: there lie its card and the names of its classes. */
export async function modelFolder(model: string): Promise<string> {
  const found = await stat(model).catch(() => undefined);
  return found?.isFile() === true ? dirname(model) : model;
}

/** The text of a file beside a model, with its path; undefined: there is none. Throws `cancelled`. */
export async function readBeside(
  model: string,
  name: string,
  { signal }: Abortable,
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  throwIfAborted(signal);
  const path = join(await modelFolder(model), name);
  const reading = readFile(path).catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  const bytes = await ifFound(reading);
  if (bytes === undefined) return undefined;
  // Windows' programs write UTF-16, which begins with its mark.
  const mark = bytes.subarray(0, 2).toString("hex");
  const encoding = mark === "fffe" ? "utf-16le" : mark === "feff" ? "utf-16be" : "utf-8";
  return { path, text: new TextDecoder(encoding).decode(bytes) };
}

/** The same for JSON, checked. Throws `invalid-data`, naming file and place, and `cancelled`. */
export async function readJsonBeside<T>(
  schema: z.ZodType<T>,
  model: string,
  name: string,
  options: Abortable,
): Promise<T | undefined> {
  const found = await readBeside(model, name, options);
  return found && checkJson(schema, parseJson(found.text, found.path), found.path);
}
