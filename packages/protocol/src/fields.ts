import { type Field, plain, refuse } from "./field.ts";
import { MAX_WHOLE } from "./limits.ts";

/** Bounds, both included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Bounds of a text. */
export interface TextBounds {
  /** Characters (UTF-16 code units). Default 0. */
  readonly min?: number;
  readonly max: number;
  /** Line breaks are allowed (PEM). */
  readonly hasLines?: boolean;
  /** Never shown in an error. */
  readonly isSecret?: boolean;
}

/** A bounded text without control characters, which would forge log lines, and without halves of characters. */
export function text({ min = 0, max, hasLines = false, isSecret = false }: TextBounds): Field<string> {
  const forbidden = /[\p{Cc}\p{Cs}\u2028\u2029]/u;
  const expected = `${min} to ${max} characters${hasLines ? "" : " on one line"}`;
  return plain("TYPE_STRING", (value, path) => {
    if (
      typeof value === "string" &&
      value.length >= min &&
      value.length <= max &&
      !forbidden.test(hasLines ? value.replaceAll("\n", "") : value)
    )
      return value;
    return refuse(path, isSecret && typeof value === "string" ? "[secret]" : value, expected);
  });
}

/** Characters of the words in which a message says what happened. */
export const MESSAGE_LENGTH = 512;

/**
 * A text as a field `text({ max })` takes it: on one line, without halves of characters, and cut where it is too long.
 * Words of errors may come from other programs, with line breaks and whatever else.
 */
export function asLine(words: string, max: number = MESSAGE_LENGTH): string {
  const line = words.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ").trim();
  // A cut may leave the first half of a character.
  return line
    .slice(0, max)
    .replace(/\p{Cs}$/u, "")
    .trimEnd();
}

/** Characters of names of tenants, devices, models and whatever else becomes part of a NATS subject. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/u;

/** Whether a text may be a name: 1 to 64 of [A-Za-z0-9_-], and not a name that every JavaScript object has. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value) && !(value in {}) && value !== "prototype";
}

/** A name (see `isName`). */
export function name(): Field<string> {
  return plain("TYPE_STRING", (value, path) =>
    isName(value) ? value : refuse(path, value, "a name: 1 to 64 characters of A-Z a-z 0-9 _ -"),
  );
}

/** A whole number that travels in 32 bits. */
export function integer({ min, max }: Range): Field<number> {
  return plain("TYPE_UINT32", (value, path) =>
    typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
      ? value
      : refuse(path, value, `a whole number from ${min} to ${max}`),
  );
}

/** A whole number that travels in 64 bits, up to 2^53 - 1: what a JavaScript number holds exactly. */
export function whole({ min = 0, max = MAX_WHOLE }: Partial<Range> = {}): Field<number> {
  const expected = `a whole number from ${min} to ${max}`;
  const isIn = (value: number): boolean => Number.isSafeInteger(value) && value >= min && value <= max;
  return {
    wireType: "TYPE_UINT64",
    isRepeated: false,
    decode: (wire, path) => {
      const value = typeof wire === "string" && /^\d{1,16}$/u.test(wire) ? Number(wire) : Number.NaN;
      return isIn(value) ? value : refuse(path, wire, expected);
    },
    encode: (value, path) => (isIn(value) ? String(value) : refuse(path, value, expected)),
  };
}

/** Milliseconds since 1970-01-01 UTC, as far as a `Date` goes. */
export function timestampMs(): Field<number> {
  return whole({ max: 8.64e15 });
}

/** A finite number within bounds; NaN and the infinities are refused. */
export function number({ min, max }: Range): Field<number> {
  return plain("TYPE_DOUBLE", (value, path) =>
    typeof value === "number" && value >= min && value <= max
      ? value
      : refuse(path, value, `a number from ${min} to ${max}`),
  );
}

/** A number above 0. */
export function positive(max: number): Field<number> {
  return plain("TYPE_DOUBLE", (value, path) =>
    typeof value === "number" && value > 0 && value <= max
      ? value
      : refuse(path, value, `a number above 0 and up to ${max}`),
  );
}

/** A share, 0 to 1. */
export function share(): Field<number> {
  return number({ min: 0, max: 1 });
}

/** True or false. */
export function flag(): Field<boolean> {
  return plain("TYPE_BOOL", (value, path) =>
    typeof value === "boolean" ? value : refuse(path, value, "true or false"),
  );
}

/** One of a few words, given with the value of the proto's enum that stands for each. Others are refused. */
export function choice<const Word extends string>(wireNames: Readonly<Record<Word, string>>): Field<Word> {
  const words = new Map<unknown, Word>();
  for (const word of Object.keys(wireNames) as Word[]) words.set(wireNames[word], word);
  const expected = `one of ${Object.keys(wireNames).join(", ")}`;
  return {
    wireType: "TYPE_ENUM",
    isRepeated: false,
    decode: (wire, path) => words.get(wire) ?? refuse(path, wire, expected),
    encode: (value, path) => (Object.hasOwn(wireNames, value) ? wireNames[value] : refuse(path, value, expected)),
  };
}

/** Bytes, copied: a slice would keep the whole message in memory. */
export function bytes({ min, max }: Range): Field<Uint8Array> {
  const expected = min === max ? `${min} bytes` : `${min} to ${max} bytes`;
  const check = (value: unknown, path: string): Uint8Array =>
    value instanceof Uint8Array && value.length >= min && value.length <= max ? value : refuse(path, value, expected);
  return {
    wireType: "TYPE_BYTES",
    isRepeated: false,
    decode: (wire, path) => Uint8Array.from(check(wire, path)),
    encode: (value, path) => Buffer.from(check(value, path)),
  };
}

/** A SHA-256: 32 bytes on the wire, 64 lower-case hexadecimal digits here. */
export function digest(): Field<string> {
  const raw = bytes({ min: 32, max: 32 });
  return {
    ...raw,
    decode: (wire, path) => Buffer.from(raw.decode(wire, path)).toString("hex"),
    encode: (value, path) =>
      typeof value === "string" && /^[0-9a-f]{64}$/u.test(value)
        ? Buffer.from(value, "hex")
        : refuse(path, value, "64 lower-case hexadecimal digits"),
  };
}
