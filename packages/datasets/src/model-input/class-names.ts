import { MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { readBeside } from "./beside-model.ts";
import { readStatement } from "./model-statement.ts";

/**
 * Names of the classes of a model (its folder or file), by output: as stated (`readStatement`), else of `labels.txt` beside
 * it (one a line, or `0 NAME`, `1 NAME` ...). Undefined where nothing names them. Throws `invalid-data`, `cancelled`.
 */
export async function readClassNames(model: string, options: Abortable = {}): Promise<readonly string[] | undefined> {
  const { classNames } = await readStatement(model, options);
  if (classNames !== undefined) return classNames;
  const found = await readBeside(model, "labels.txt", options);
  if (found === undefined) return undefined;
  const lines = found.text.trim().split(/\s*[\r\n]\s*/u);
  if (lines.join("") === "") {
    throw new MpoError("invalid-data", `${found.path}: expected the names of the classes, one a line; found none`);
  }
  const isNumbered = lines.every((line, index) => line.startsWith(`${index} `));
  return isNumbered ? lines.map((line) => line.slice(line.indexOf(" ") + 1).trim()) : lines;
}
