import type { WireType } from "../field.ts";
import { type FieldDescriptor, fieldsOf } from "./descriptors.ts";

/** Values that no field of a type may have, whatever its bounds. */
export const BAD_WIRE_VALUES: Readonly<Record<WireType | "LIST", readonly unknown[]>> = {
  TYPE_BOOL: ["true", 1, null, {}],
  TYPE_BYTES: ["text", 5, {}, [1, 2], Buffer.alloc(300_000)],
  TYPE_DOUBLE: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e300, 1e300, "1", [], {}],
  TYPE_ENUM: [0, 99, "NO_SUCH_VALUE", "toString", "__proto__", "constructor", {}],
  TYPE_MESSAGE: [5, "text", [], true],
  TYPE_STRING: [5, {}, "x".repeat(20_000), "a\u0000b", "a\u001b[31m", "\ud800"],
  TYPE_UINT32: [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 32, "5", {}],
  TYPE_UINT64: ["-1", "1.5", "18446744073709551615", "9007199254740992", "1e3", "", "NaN", 5, {}],
  LIST: [null, 5, "text", {}, { length: 1 }, new Array(20_000).fill(null)],
};

/** A place in a message: a field, a list, or the first item of a list. */
export interface Place {
  readonly path: readonly (string | number)[];
  readonly descriptor: FieldDescriptor;
  readonly isItem: boolean;
}

/** Every place in a decoded message that holds a value, all the way down. */
export function placesOf(typeName: string, wire: object, prefix: readonly (string | number)[] = []): readonly Place[] {
  return fieldsOf(typeName).flatMap((descriptor) => {
    const value: unknown = wire[descriptor.name as keyof typeof wire];
    if (value === undefined || value === null) return [];
    const path = [...prefix, descriptor.name];
    const place = { path, descriptor, isItem: false };
    const isMessage = descriptor.type === "TYPE_MESSAGE";
    if (!Array.isArray(value)) {
      return [place, ...(isMessage ? placesOf(descriptor.typeName, value, path) : [])];
    }
    if (value.length === 0) return [place];
    const item = { path: [...path, 0], descriptor, isItem: true };
    return [place, item, ...(isMessage ? placesOf(descriptor.typeName, value[0] as object, item.path) : [])];
  });
}
