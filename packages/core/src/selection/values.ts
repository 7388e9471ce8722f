import { bytesIn, closestOf, DURATION_UNITS, msIn, SIZE_UNITS } from "../facts/index.ts";
import type { Attribute, AttributeKind } from "./attributes.ts";
import { isRelease } from "./compare-releases.ts";

/** What is compared with an attribute. */
export interface Value {
  readonly value: string | number;
  readonly shareOf?: "memory";
}

interface ValueKind {
  /** With its article. */
  readonly is: string;
  readonly example: string;
  readonly read: (text: string) => string | number | undefined;
  /** Whether one may be more than another. */
  readonly isOrdered: boolean;
}

const asText = (text: string): string => text;
const NUMBER = /^\d+(?:\.\d+)?$/u;
const countIn = (text: string): number | undefined => (NUMBER.test(text) ? Number(text) : undefined);
const versionIn = (text: string): string | undefined => (isRelease(text) ? text : undefined);

export const VALUE_KINDS: Readonly<Record<AttributeKind, ValueKind>> = {
  text: { is: "a text", example: "berlin", read: asText, isOrdered: false },
  word: { is: "a word", example: "online", read: asText, isOrdered: false },
  list: { is: "a list", example: "camera", read: asText, isOrdered: false },
  size: { is: "a size", example: "1.5GiB", read: bytesIn, isOrdered: true },
  count: { is: "a number", example: "4", read: countIn, isOrdered: true },
  duration: { is: "a duration", example: "10min", read: msIn, isOrdered: true },
  version: { is: "a version", example: "0.3.0", read: versionIn, isOrdered: true },
};

const UNITS: Readonly<Partial<Record<AttributeKind, readonly string[]>>> = {
  size: SIZE_UNITS,
  duration: DURATION_UNITS,
};

/** What is written as the value of an attribute, or what is wrong with it. */
export function valueIn(text: string, name: string, attribute: Attribute): Value | { readonly wrong: string } {
  const { kind, shareOf, words } = attribute;
  const percent = /^(\d+(?:\.\d+)?) ?%$/u.exec(text)?.[1];
  if (percent !== undefined && VALUE_KINDS[kind].isOrdered) {
    if (shareOf !== undefined) return { value: Number(percent), shareOf };
    return {
      wrong: `${text} is a percentage, and ${name} is ${VALUE_KINDS[kind].is}, such as ${VALUE_KINDS[kind].example}`,
    };
  }
  const { read } = VALUE_KINDS[kind];
  const value = read(text);
  if (value === undefined) return { wrong: whyNot(text, name, kind) };
  if (words === undefined || words.includes(text)) return { value };
  const meant = closestOf(text, words);
  const expected = meant === undefined ? `expected one of ${words.join(", ")}` : `did you mean ${meant}?`;
  return { wrong: `${name} ${kind === "list" ? "has no" : "is never"} ${shown(text)}; ${expected}` };
}

function whyNot(text: string, name: string, kind: AttributeKind): string {
  const { is, example } = VALUE_KINDS[kind];
  const expected = `${name} is ${is}, such as ${example}`;
  const units = UNITS[kind];
  const other = (["size", "duration", "count"] as const).find(
    (one) => one !== kind && VALUE_KINDS[one].read(text) !== undefined,
  );
  if (units !== undefined && other === "count") return `${text} has no unit; expected one of ${units.join(", ")}`;
  if (other !== undefined) return `${text} is ${VALUE_KINDS[other].is}, and ${expected}`;
  const unit = /^\d+(?:\.\d+)? ?(\p{L}+)$/u.exec(text)?.[1];
  if (units === undefined || unit === undefined) return `${shown(text)} is not ${is}: ${expected}`;
  const meant = closestOf(unit, units);
  return `${unit} is not a unit of ${kind === "size" ? "sizes" : "durations"}; ${meant === undefined ? `expected one of ${units.join(", ")}` : `did you mean ${meant}?`}`;
}

const SHOWN = 40;
export function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text === "" ? '""' : text;
}
