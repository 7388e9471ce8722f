import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Abortable, fileError, ifFound, throwIfAborted } from "@mpo/io";
import { z } from "zod";
import type { InputForm } from "./input-form.ts";
import { check, parseJson } from "./layers-format/checked-json.ts";

/** Teachable Machine's description of a model; other programs' files of that name say nothing of what is read here. */
const metadataSchema = z.object({
  packageName: z.string().optional(),
  labels: z.array(z.string()).nonempty().optional(),
});

/** Its program cuts pictures to their middle square, divides bytes by 127 and takes off 1. */
const INPUT: InputForm = { range: { mean: [127 / 255], deviation: [127 / 255] }, fit: "crop" };

/** What `metadata.json` beside a model says: names of its classes, and how its program prepares pictures. */
export async function readMetadata(
  folder: string,
  options: Abortable,
): Promise<{ readonly labels?: readonly string[] | undefined; readonly input?: InputForm }> {
  const path = join(folder, "metadata.json");
  const text = await readTextFile(path, options);
  if (text === undefined) return {};
  const { packageName, labels } = check(metadataSchema, parseJson(text, path), path);
  return { labels, ...(packageName === "@teachablemachine/image" ? { input: INPUT } : {}) };
}

/** The text of a file without a byte order mark; undefined: there is none. */
export async function readTextFile(path: string, { signal }: Abortable): Promise<string | undefined> {
  throwIfAborted(signal);
  const text = readFile(path, "utf8").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  return (await ifFound(text))?.replace(/^\u{FEFF}/u, "");
}
