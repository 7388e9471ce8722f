import { isName, MpoError } from "@mpo/core";

/** A device that is let in before it comes. */
export interface Preauthorisation {
  readonly name: string;
  /** SHA-256 of its public key. */
  readonly keyDigest: string;
  readonly labels: readonly { readonly name: string; readonly value: string }[];
}

/** Mistakes that are listed; of the others only how many there are. */
const MOST_LISTED = 20;
const MAX_LABELS = 32;

/**
 * Reads devices with their keys, one a line: `NAME,KEY[,LABEL=VALUE...]`, or an object `{"name", "key", "labels"}`. Throws
 * `invalid-data` with all mistakes at once, by their lines.
 */
export function readPreauthorisations(text: string, file: string): readonly Preauthorisation[] {
  const mistakes: string[] = [];
  const found = new Map<string, Preauthorisation>();
  const lineOfKey = new Map<string, number>();
  for (const [at, line] of text.split(/\r?\n/u).entries()) {
    const number = at + 1;
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#") || (number === 1 && /^name\s*,/iu.test(trimmed))) continue;
    const read = trimmed.startsWith("{") ? fromJson(trimmed) : fromCells(trimmed);
    const wrong = typeof read === "string" ? read : mistakeIn(read, found, lineOfKey);
    if (wrong !== undefined || typeof read === "string") {
      mistakes.push(`line ${number}: ${wrong}`);
      continue;
    }
    found.set(read.name, read);
    lineOfKey.set(read.keyDigest, number);
  }
  if (mistakes.length === 0 && found.size === 0) mistakes.push("it names no device");
  if (mistakes.length === 0) return [...found.values()];
  const more = mistakes.length > MOST_LISTED ? [`and ${mistakes.length - MOST_LISTED} more`] : [];
  throw new MpoError(
    "invalid-data",
    [`${file} is not used:`, ...mistakes.slice(0, MOST_LISTED), ...more].join("\n  "),
    {
      hint: "A line is NAME,KEY with labels after it, as mpo agent key prints it on the device. Nothing was changed.",
    },
  );
}

/** A text says what is wrong. */
function fromCells(line: string): Preauthorisation | string {
  const [name = "", keyDigest = "", ...words] = line.split(",").map((cell) => cell.trim());
  const labels = words.filter((word) => word !== "").map((word) => [word, word.indexOf("=")] as const);
  const bad = labels.find(([, at]) => at < 0);
  if (bad !== undefined) return `${JSON.stringify(bad[0])} is not a label; expected NAME=VALUE`;
  return {
    ...{ name, keyDigest: keyDigest.toLowerCase() },
    labels: labels.map(([word, at]) => ({ name: word.slice(0, at), value: word.slice(at + 1) })),
  };
}

function fromJson(line: string): Preauthorisation | string {
  let value: { readonly name?: unknown; readonly key?: unknown; readonly labels?: unknown };
  try {
    value = JSON.parse(line) as typeof value;
  } catch {
    return "it is not valid JSON";
  }
  const { name, key, labels = {} } = value;
  if (typeof name !== "string" || typeof key !== "string") return 'expected "name" and "key"';
  const entries = typeof labels === "object" && labels !== null ? Object.entries(labels) : undefined;
  if (entries === undefined || !entries.every(([, label]) => typeof label === "string")) {
    return '"labels" is not an object of names and texts';
  }
  return {
    ...{ name, keyDigest: key.toLowerCase() },
    labels: entries.map(([label, text]) => ({ name: label, value: text as string })),
  };
}

function mistakeIn(
  { name, keyDigest, labels }: Preauthorisation,
  before: ReadonlyMap<string, unknown>,
  lineOfKey: ReadonlyMap<string, number>,
): string | undefined {
  const shown = JSON.stringify(name.slice(0, 80));
  if (!isName(name)) return `${shown} is no name; expected 1 to 64 characters of A-Z a-z 0-9 _ -`;
  if (!/^[0-9a-f]{64}$/u.test(keyDigest)) return `the key of ${shown} is not one; expected 64 hexadecimal digits`;
  if (before.has(name)) return `${shown} is named twice`;
  const other = lineOfKey.get(keyDigest);
  if (other !== undefined) return `${shown} has the key of line ${other}`;
  const label = labels.find((one) => !isName(one.name) || one.value.length > 128);
  if (label !== undefined) return `${JSON.stringify(label.name.slice(0, 80))} is no label; expected NAME=VALUE`;
  return labels.length > MAX_LABELS ? `${labels.length} labels; expected at most ${MAX_LABELS}` : undefined;
}
