import type { Entry } from "./onnx-messages.ts";

/** Where exporters put the names of classes. */
const KEYS: ReadonlySet<string> = new Set(["names", "classes", "class_names", "classNames", "labels"]);
/** Python's notation of a dictionary, as Ultralytics writes it: `{0: 'cat', 1: "dog's"}`. */
const NUMBERED = /(\d+)\s*:\s*(?:'([^']*)'|"([^"]*)")/g;

/** The names of a model's classes in its file's metadata; undefined where it has none, or others than one for each class. */
export function classNamesIn(metadata: readonly Entry[], classes: number): readonly string[] | undefined {
  const text = metadata.find(({ key = "" }) => KEYS.has(key))?.value;
  const names = text === undefined ? [] : (listIn(text) ?? numberedIn(text));
  return names.length === classes && !names.includes("") ? names : undefined;
}

function listIn(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value) && value.every((name) => typeof name === "string");
    return isList ? (value as readonly string[]) : undefined;
  } catch {
    return undefined;
  }
}

function numberedIn(text: string): readonly string[] {
  const names: string[] = [];
  for (const [, number = "", single, double] of text.matchAll(NUMBERED)) names[Number(number)] = single ?? double ?? "";
  return Array.from(names, (name) => name ?? "");
}
