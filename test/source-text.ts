/** What a source file says about its surroundings, read from its text: what it imports, what it exports. */

export interface SourceFile {
  /** Relative to its package, or to the checkout where it is in none: `src/clock.ts`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  /** What stands behind `from`: `./clock.ts`, `@mpo/core`. */
  readonly specifier: string;
  /** The names that are taken, as the other file calls them. */
  readonly names: readonly string[];
}

/** What a source imports or exports from, types too. Comments do not count. */
export function importsOf(text: string): readonly Import[] {
  const code = withoutComments(text);
  return [
    ...[...code.matchAll(STATIC_IMPORT)].map(([, clause = "", specifier = ""]) => ({
      specifier,
      names: namesIn(clause, /\sas\s.*/u),
    })),
    ...[...code.matchAll(DYNAMIC_IMPORT)].map(([, clause = "", specifier = "", member]) => ({
      specifier,
      names: member === undefined ? namesIn(clause, /:.*/u) : [member],
    })),
  ];
}

/** The names under which a source exports something; `*` for all that another file exports. */
export function exportsOf(text: string): readonly string[] {
  const code = withoutComments(text);
  return [
    ...[...code.matchAll(EXPORTED_LIST)].flatMap(([, list = ""]) => namesIn(list, /.*\sas\s/u)),
    ...[...code.matchAll(EXPORTED_DECLARATION)].map(([, name = ""]) => name),
    ...[...code.matchAll(EXPORTED_WHOLE)].map(([, name = "*"]) => name),
  ];
}

/** Path of what a file imports, `.` and `..` resolved; undefined if that leads out of the package. */
export function resolvedPath(path: string, specifier: string): string | undefined {
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Test code may be longer, and may use what is installed for development. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|\/(test-support|testing)\//u.test(path);
}

export function isGenerated(path: string): boolean {
  return path.startsWith("src/gen/");
}

export function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_STRING, (match) => (match.startsWith("/") ? " " : match));
}

export function withoutStrings(text: string): string {
  return text.replace(COMMENT_OR_STRING, (match) => (match.startsWith("/") ? match : '""'));
}

const STATIC_IMPORT = /^[ \t]*(?:import|export)\b([^"';=]*?\bfrom)?\s*["']([^"'\n]+)["']/gmu;
const DYNAMIC_IMPORT = /(?:(\{[^{}=;]*\})\s*=\s*await\s+)?\bimport\(\s*["']([^"'\n]+)["'],?\s*\)(?:\.(\w+))?/gu;
const EXPORTED_LIST = /^export\b(?:\s+type)?\s*(\{[^}]*\})/gmu;
const EXPORTED_DECLARATION =
  /^export\s+(?:declare\s+|abstract\s+|async\s+)*(?:function\*?|const|let|class|interface|type)\s+(\w+)/gmu;
const EXPORTED_WHOLE = /^export\s+(?:type\s+)?\*(?:\s+as\s+(\w+))?/gmu;
const COMMENT_OR_STRING = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/gu;

/** Names of a list in braces, less what `dropped` matches of each. */
function namesIn(clause: string, dropped: RegExp): readonly string[] {
  const list = clause.match(/\{([^}]*)\}/u)?.[1] ?? "";
  return list
    .split(",")
    .map((name) =>
      name
        .trim()
        .replace(/^type\s+/u, "")
        .replace(dropped, "")
        .trim(),
    )
    .filter((name) => name !== "");
}
