import { MpoError } from "./mpo-error.ts";

/** A number's range, both ends included. */
export interface NumberRange {
  readonly least?: number;
  readonly most?: number;
  readonly isWhole?: boolean;
}

/** Reads the fields of data from outside, and throws `invalid-data` that names the field, its value and what was expected. */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** `path` names where the data is, for messages: `profile.steps[3]`. */
  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalid(path, value, "an object");
    }
    this.#fields = value as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#fields[name] !== undefined;
  }

  number(
    name: string,
    { least = -Number.MAX_VALUE, most = Number.MAX_VALUE, isWhole = false }: NumberRange = {},
  ): number {
    return checkedNumber(this.#fields[name], this.#at(name), { least, most, isWhole });
  }

  /** Numbers, at least `atLeast` of them. */
  numbers(name: string, range: NumberRange, atLeast: number): readonly number[] {
    const values = this.#array(name, atLeast);
    return values.map((value, index) => checkedNumber(value, `${this.#at(name)}[${index}]`, range));
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== "string" || value.length === 0) throw invalid(this.#at(name), value, "a text");
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#fields[name];
    const found = allowed.find((choice) => choice === value);
    if (found === undefined) throw invalid(this.#at(name), value, `one of ${allowed.join(", ")}`);
    return found;
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    if (typeof value !== "boolean") throw invalid(this.#at(name), value, "true or false");
    return value;
  }

  object(name: string): FieldReader {
    return new FieldReader(this.#fields[name], this.#at(name));
  }

  list<T>(name: string, read: (entry: FieldReader, path: string) => T): readonly T[] {
    return this.#array(name, 0).map((value, index) => {
      const path = `${this.#at(name)}[${index}]`;
      return read(new FieldReader(value, path), path);
    });
  }

  #array(name: string, atLeast: number): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length < atLeast) {
      throw invalid(this.#at(name), value, atLeast > 0 ? `a list of ${atLeast} or more` : "a list");
    }
    return value;
  }

  #at(name: string): string {
    return `${this.#path}.${name}`;
  }
}

/** The error for one field that is not what it should be. */
export function invalid(path: string, value: unknown, expected: string): MpoError {
  const shown =
    value === undefined ? "missing" : shorten(typeof value === "number" ? String(value) : JSON.stringify(value));
  return new MpoError("invalid-data", `${path} is ${shown}; expected ${expected}`);
}

function checkedNumber(value: unknown, path: string, { least, most, isWhole = false }: NumberRange): number {
  const low = least ?? -Number.MAX_VALUE;
  const high = most ?? Number.MAX_VALUE;
  const isGood =
    typeof value === "number" && value >= low && value <= high && (!isWhole || Number.isSafeInteger(value));
  if (isGood) return value;
  const kind = isWhole ? "a whole number" : "a finite number";
  const from = least === undefined ? "" : ` of ${least} or more`;
  const to = most === undefined ? "" : ` and at most ${most}`;
  throw invalid(path, value, `${kind}${from}${to}`);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
