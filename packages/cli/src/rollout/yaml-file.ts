import type { Fault } from "@mpo/core";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
} from "yaml";
import type { FileFault } from "../written/written-file.ts";

/** What a YAML file says. */
export interface YamlFile {
  /** Of no use where there are faults. */
  readonly value: unknown;
  readonly faults: readonly FileFault[];
  /** Finds the place of something that is wrong with the value. */
  locate(fault: Fault): FileFault;
}

/** Against files whose aliases grow without end. */
const MAX_ALIASES = 100;

/** Reads one YAML document. What is not valid, is there twice, or stands for too much is among the faults. */
export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const placed = (at: number, message: string): FileFault => {
    const { line, col } = lines.linePos(at);
    return { line: Math.max(1, line), column: Math.max(1, col), message };
  };
  const failed = (...faults: readonly FileFault[]): YamlFile => {
    return { value: undefined, faults, locate: ({ message }) => placed(0, message) };
  };
  const options = { lineCounter: lines, prettyErrors: false, logLevel: "error" } as const;
  const documents = parseAllDocuments(text, options) as readonly Document.Parsed[];
  const [document, second] = documents;
  if (document?.contents === undefined || document.contents === null) return failed(placed(0, "the file is empty"));
  const wrong = [...document.errors, ...document.warnings];
  // The library's own recursion has ended it, with an error for each level that is left open.
  const pit = wrong.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  if (pit !== undefined) return failed(placed(pit.pos[0], "is nested too deeply"));
  const mistakes = wrong.map(({ code, message, pos: [at] }) =>
    placed(at, code === "DUPLICATE_KEY" ? `${keyAt(text, at)} is there twice` : `is not valid YAML: ${message}`),
  );
  if (second !== undefined)
    mistakes.push(placed(startOf(second), `the file has ${documents.length} documents; expected one`));
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) === undefined)
        mistakes.push(
          placed(alias.range?.[0] ?? 0, `*${alias.source} stands for nothing: there is no &${alias.source}`),
        );
    },
  });
  if (mistakes.length > 0) return failed(...mistakes);
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return {
      value,
      faults: [],
      locate: ({ path, message, isKey = false }) =>
        placed(offsetOf(document, path, isKey), `${writtenPath(path)}${message}`),
    };
  } catch {
    return failed(placed(0, "its aliases (*name) stand for too much"));
  }
}

/** `waves[0].percent `. */
function writtenPath(path: Fault["path"]): string {
  const words = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("");
  return words === "" ? "the file " : `${words.replace(/^\./u, "")} `;
}

/** Where the value at a path begins, or the nearest that is there. */
function offsetOf(document: Document.Parsed, path: Fault["path"], isKey: boolean): number {
  let node: Node | null = document.contents;
  let at = startOf(document);
  for (const [index, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    const pair = isMap(node)
      ? node.items.find((item) => (isScalar(item.key) ? String(item.key.value) : item.key) === String(key))
      : undefined;
    if (isKey && index === path.length - 1 && isNode(pair?.key)) return pair.key.range?.[0] ?? at;
    const next: unknown = pair?.value ?? (document.getIn(path.slice(0, index + 1), true) as unknown);
    if (!isNode(next)) return isNode(pair?.key) ? (pair.key.range?.[0] ?? at) : at;
    node = next;
    at = next.range?.[0] ?? at;
  }
  return at;
}

function startOf({ contents, range }: Document.Parsed): number {
  return contents?.range?.[0] ?? range?.[0] ?? 0;
}

/** The key that begins somewhere. */
function keyAt(text: string, at: number): string {
  return /^[^\s:]*/u.exec(text.slice(at, at + 64))?.[0] ?? "";
}
