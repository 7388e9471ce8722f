import type { Abortable } from "@mpo/io";
import { readBeside } from "./beside-model.ts";
import { readStatement } from "./model-card.ts";

/**
 * Names of the classes of a model (its folder or file), by output: as stated (`readStatement`), else of `labels.txt` beside
 * it (one a line, or `0 NAME`, `1 NAME` ...). Undefined where nothing names them. Throws `invalid-data`, `cancelled`.
 */
export async function readClassNames(model: string, options: Abortable = {}): Promise<readonly string[] | undefined> {
  const { classNames } = await readStatement(model, options);
  if (classNames !== undefined) return classNames;
  const lines = (await readBeside(model, "labels.txt", options))?.text.trim().split(/\s*\r?\n\s*/u);
  if (lines === undefined || lines.join("") === "") return undefined;
  const isNumbered = lines.every((line, index) => line.startsWith(`${index} `));
  return isNumbered ? lines.map((line) => line.slice(line.indexOf(" ") + 1).trim()) : lines;
}
