import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

const OTHER_FOLDERS = new Set(["node_modules", "dist"]);
const SOURCE = /\.(?:ts|mjs|py|proto)$/u;

export interface MarkdownDocument {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
}

/** Every Markdown file of the repository. */
export function readDocuments(folder: string = ROOT): readonly MarkdownDocument[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return isSkipped(entry.name) ? [] : readDocuments(path);
    return entry.name.endsWith(".md") ? [{ path: relative(ROOT, path), text: readFileSync(path, "utf8") }] : [];
  });
}

/** Source files, relative to the checkout. */
export function sourceFiles(folder: string = ROOT): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return isSkipped(entry.name) ? [] : sourceFiles(path);
    return SOURCE.test(entry.name) ? [relative(ROOT, path)] : [];
  });
}

/** Source files that a document names in backquotes, by whole paths or their ends. */
export function namedFiles(text: string): readonly string[] {
  return [...withoutFences(text).matchAll(/`((?:[\w-]+\/)*[a-z][\w.-]*)`/gu)].flatMap(([, name = ""]) =>
    SOURCE.test(name) ? [name] : [],
  );
}

/** Where the links of a document lead, as they are written. Code does not count. */
export function linksOf(text: string): readonly string[] {
  const prose = withoutFences(text).replaceAll(/`[^`]*`/gu, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/gu)].map(([, target = ""]) => target);
}

/** Names by which the headings of a document can be linked to, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutFences(text).matchAll(/^#{1,6} +(.+)$/gmu)) {
    const name = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    let [anchor, repeats] = [name, 0];
    while (anchors.has(anchor)) anchor = `${name}-${++repeats}`;
    anchors.add(anchor);
  }
  return anchors;
}

function withoutFences(text: string): string {
  return text.replaceAll(/^```.*?^```/gmsu, "");
}

function isSkipped(folder: string): boolean {
  return OTHER_FOLDERS.has(folder) || folder.startsWith(".");
}
