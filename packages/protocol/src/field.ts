import { MpoError } from "@mpo/core";

/** Protobuf's name of a field's type, as descriptors have it. */
export type WireType =
  | "TYPE_BOOL"
  | "TYPE_BYTES"
  | "TYPE_DOUBLE"
  | "TYPE_ENUM"
  | "TYPE_MESSAGE"
  | "TYPE_STRING"
  | "TYPE_UINT32"
  | "TYPE_UINT64";

/**
 * How one field travels. Both directions check: what comes in may be anything, and what goes out must not be refused at
 * the other end. Errors are `invalid-data` and begin with `path`, the field's name with all that it lies in.
 */
export interface Field<Value> {
  readonly wireType: WireType;
  readonly isRepeated: boolean;
  decode(wire: unknown, path: string): Value;
  encode(value: Value, path: string): unknown;
}

/** Throws `invalid-data`: "Hello.inventory.cpuCores is 0; expected a whole number from 1 to 4096". */
export function refuse(path: string, found: unknown, expected: string): never {
  throw new MpoError("invalid-data", `${path} is ${shown(found)}; expected ${expected}`);
}

const SHOWN_CHARACTERS = 48;

/** A value for an error message: short, one line, never the content of bytes or objects. */
function shown(found: unknown): string {
  if (found === undefined || found === null) return "absent";
  if (typeof found === "string") {
    if (found === "") return "empty";
    if (found.length > SHOWN_CHARACTERS) return `a text of ${found.length} characters`;
    return JSON.stringify(found);
  }
  if (typeof found === "number" || typeof found === "boolean" || typeof found === "bigint") return String(found);
  if (ArrayBuffer.isView(found)) return `${found.byteLength} bytes`;
  if (Array.isArray(found)) return `a list of ${found.length}`;
  return `of type ${typeof found}`;
}

/** A field that is the same on both sides. */
export function plain<Value>(wireType: WireType, check: (value: unknown, path: string) => Value): Field<Value> {
  return { wireType, isRepeated: false, decode: check, encode: check };
}
