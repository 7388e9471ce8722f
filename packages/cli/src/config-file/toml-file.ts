import { type AST, parseTOML } from "toml-eslint-parser";
import { type FileFault, inOrder } from "../written/written-file.ts";

/** A value as it stands in a file. */
export interface WrittenValue {
  readonly kind: "string" | "number" | "boolean";
  /** As an option would be given it. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** `key = value`, or `key = [value, value]`. */
export interface WrittenEntry {
  readonly key: string;
  readonly line: number;
  readonly column: number;
  readonly values: readonly WrittenValue[];
  readonly isList: boolean;
}

/** What a TOML file of keys and values says. */
export interface TomlFile {
  readonly entries: readonly WrittenEntry[];
  readonly faults: readonly FileFault[];
}

/** Mistakes of grammar that are looked for; whoever makes more has another kind of file. */
const MAX_MISTAKES = 20;

/**
 * Reads a TOML file that has keys with values, and no tables. The parser stops at the first mistake of grammar: the line is
 * left out then, and the rest is read, so that all mistakes are reported at once.
 */
export function readToml(text: string): TomlFile {
  const lines = text.replace(/^\uFEFF/u, "").split("\n");
  const faults: FileFault[] = [];
  while (faults.length < MAX_MISTAKES) {
    try {
      const [table] = parseTOML(lines.join("\n"), { tomlVersion: "1.0" }).body;
      const entries = table.body.flatMap((node) => entryOf(node, faults));
      return { entries, faults: inOrder(faults) };
    } catch (thrown) {
      const { line, column, message } = mistakeOf(thrown, lines);
      faults.push({ line, column, message });
      const wrong = lines[line - 1] ?? "";
      // What goes on over several lines cannot be left out.
      if (wrong.trim() === "" || /"""|'''|[[{][^\]}]*$/u.test(wrong)) break;
      lines[line - 1] = "";
    }
  }
  return { entries: [], faults: inOrder(faults) };
}

function mistakeOf(thrown: unknown, lines: readonly string[]): FileFault {
  if (thrown instanceof RangeError) return { line: 1, column: 1, message: "is nested too deeply" };
  // The parser's errors are of a class that it does not export.
  const { lineNumber, column, message } = thrown as SyntaxError & Record<"lineNumber" | "column", number>;
  const key = /^\s*([^\s=]+)\s*=/u.exec(lines[lineNumber - 1] ?? "")?.[1];
  const isTwice = message.startsWith("Defining a key multiple times") && key !== undefined;
  const words = `is not valid TOML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  return { line: lineNumber, column: column + 1, message: isTwice ? `${key} is there twice` : words };
}

type Placed = Pick<FileFault, "line" | "column">;

function placeOf({ loc }: AST.HasLocs): Placed {
  return { line: loc.start.line, column: loc.start.column + 1 };
}

function entryOf(node: AST.TOMLKeyValue | AST.TOMLTable, faults: FileFault[]): readonly WrittenEntry[] {
  const key = node.key.keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value)).join(".");
  if (node.type === "TOMLTable") {
    faults.push({ ...placeOf(node), message: `[${key}]: there are no tables here; expected KEY = VALUE` });
    return [];
  }
  const isList = node.value.type === "TOMLArray";
  const nodes = node.value.type === "TOMLArray" ? node.value.elements : [node.value];
  const values = nodes.flatMap((value) => {
    const written = writtenValue(value);
    if (written === undefined) {
      faults.push({
        ...placeOf(value),
        message: `${key} is ${nameOf(value)}; expected a string, a number or a list of them`,
      });
    }
    return written ?? [];
  });
  return values.length === nodes.length ? [{ key, ...placeOf(node.key), values, isList }] : [];
}

function writtenValue(node: AST.TOMLContentNode): WrittenValue | undefined {
  if (node.type !== "TOMLValue") return undefined;
  const place = placeOf(node);
  if (node.kind === "string") return { kind: "string", text: node.value, ...place };
  if (node.kind === "boolean") return { kind: "boolean", text: String(node.value), ...place };
  if (node.kind === "integer") return { kind: "number", text: String(node.bigint), ...place };
  return node.kind === "float" ? { kind: "number", text: String(node.value), ...place } : undefined;
}

function nameOf(node: AST.TOMLContentNode): string {
  if (node.type === "TOMLArray") return "a list in a list";
  return node.type === "TOMLInlineTable" ? "a table" : "a date or time";
}
