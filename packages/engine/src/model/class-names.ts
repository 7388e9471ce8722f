import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Abortable, fileError, ifFound, throwIfAborted } from "@mpo/io";
import { z } from "zod";
import { check, parseJson } from "./layers-format/checked-json.ts";
import { cardOf } from "./model-card.ts";

/** Teachable Machine's description of a model; other programs' files of that name say nothing of classes. */
const metadataSchema = z.object({ labels: z.array(z.string()).nonempty().optional() });

/**
 * Names of a model's classes, by output: of its card, else as `metadata.json` (Teachable Machine) or `labels.txt` (one a
 * line, or `0 NAME`, `1 NAME` ...) beside it says. Undefined where nothing names them. Throws `invalid-data`, `cancelled`.
 */
export async function readClassNames(folder: string, options: Abortable = {}): Promise<readonly string[] | undefined> {
  const card = await cardOf(folder, options);
  if (card?.classNames !== undefined) return card.classNames;
  const metadataPath = join(folder, "metadata.json");
  const metadata = await readText(metadataPath, options);
  if (metadata !== undefined) {
    const { labels } = check(metadataSchema, parseJson(metadata, metadataPath), metadataPath);
    if (labels !== undefined) return labels;
  }
  const lines = (await readText(join(folder, "labels.txt"), options))?.trim().split(/\s*\r?\n\s*/u);
  if (lines === undefined || lines.join("") === "") return undefined;
  const isNumbered = lines.every((line, index) => line.startsWith(`${index} `));
  return isNumbered ? lines.map((line) => line.slice(line.indexOf(" ") + 1).trim()) : lines;
}

async function readText(path: string, { signal }: Abortable): Promise<string | undefined> {
  throwIfAborted(signal);
  const text = readFile(path, "utf8").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  return (await ifFound(text))?.replace(/^\u{FEFF}/u, "");
}
