import { join } from "node:path";
import type { Abortable } from "@mpo/io";
import { cardOf } from "./model-card.ts";
import { readMetadata, readTextFile } from "./teachable-machine.ts";

/**
 * Names of a model's classes, by output: of its card, else as `metadata.json` (Teachable Machine) or `labels.txt` (one a
 * line, or `0 NAME`, `1 NAME` ...) beside it says. Undefined where nothing names them. Throws `invalid-data`, `cancelled`.
 */
export async function readClassNames(folder: string, options: Abortable = {}): Promise<readonly string[] | undefined> {
  const card = await cardOf(folder, options);
  if (card?.classNames !== undefined) return card.classNames;
  const { labels } = await readMetadata(folder, options);
  if (labels !== undefined) return labels;
  const lines = (await readTextFile(join(folder, "labels.txt"), options))?.trim().split(/\s*\r?\n\s*/u);
  if (lines === undefined || lines.join("") === "") return undefined;
  const isNumbered = lines.every((line, index) => line.startsWith(`${index} `));
  return isNumbered ? lines.map((line) => line.slice(line.indexOf(" ") + 1).trim()) : lines;
}
