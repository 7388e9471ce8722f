import protobuf from "protobufjs";

/** Values that no field of a type may have, whatever its bounds. */
const BAD_WIRE_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  bool: ["true", 1, {}],
  bytes: ["text", 5, {}, [1, 2], Buffer.alloc(500_000)],
  double: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e300, 1e300, "1", [], {}],
  enum: [0, 99, "NO_SUCH_VALUE", "toString", "__proto__", "constructor", {}],
  message: [5, "text", [], true],
  string: [5, {}, "x".repeat(20_000), "a\u0000b", "a\u001b[31m", "\ud800"],
  uint32: [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 32, "5", {}],
  sint32: [Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 32), 0.5, 2 ** 32, "5", {}],
  uint64: [
    "-1",
    "1.5",
    protobuf.util.LongBits.from(-1).toLong(true),
    protobuf.util.LongBits.from(2 ** 53).toLong(true),
    -1,
    0.5,
    "",
    Number.NaN,
    {},
  ],
};
const BAD_LISTS: readonly unknown[] = [null, 5, "text", {}, { length: 1 }, new Array(20_000).fill(null)];

/** A place in a message, with values that it may not have: a field, a list, or the first item of a list. */
export interface Place {
  readonly path: readonly (string | number)[];
  readonly bad: readonly unknown[];
}

/** Every place in a decoded message that holds a value, all the way down. */
export function placesOf(
  type: protobuf.Type,
  wire: object,
  prefix: readonly (string | number)[] = [],
): readonly Place[] {
  return type.fieldsArray.flatMap((field): readonly Place[] => {
    const value: unknown = wire[field.name as keyof typeof wire];
    if (value === undefined || value === null) return [];
    const path = [...prefix, field.name];
    const { resolvedType } = field;
    const kind = resolvedType instanceof protobuf.Type ? "message" : resolvedType === null ? field.type : "enum";
    const all = BAD_WIRE_VALUES[kind] as readonly unknown[];
    // Where there is a word for what only a later release knows, no number is bad.
    const isOpen =
      resolvedType instanceof protobuf.Enum && Object.keys(resolvedType.values).some((word) => word.endsWith("_OTHER"));
    const bad = isOpen ? all.filter((value) => value !== 99) : all;
    const inside = (one: unknown, at: readonly (string | number)[]): readonly Place[] =>
      resolvedType instanceof protobuf.Type ? placesOf(resolvedType, one as object, at) : [];
    if (!field.repeated) {
      const isSet = Object.hasOwn(wire, field.name) || field.options?.["proto3_optional"] !== true;
      return isSet ? [{ path, bad }, ...inside(value, path)] : [];
    }
    const list = value as readonly unknown[];
    if (list.length === 0) return [{ path, bad: BAD_LISTS }];
    return [{ path, bad: BAD_LISTS }, { path: [...path, 0], bad }, ...inside(list[0], [...path, 0])];
  });
}

/** Every place in a plain value, all the way down. */
export function pathsIn(
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly (readonly (string | number)[])[] {
  const own = path.length === 0 ? [] : [path];
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return own;
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [...own, ...keys.flatMap((key) => pathsIn(value[key as keyof typeof value], [...path, key]))];
}

/** A copy of an object with another value at a path. */
export function replaced<Root extends object>(root: Root, path: readonly (string | number)[], value: unknown): Root {
  const [key, ...rest] = path as [string | number, ...(string | number)[]];
  const copy = (
    Array.isArray(root) ? [...root] : Object.assign(Object.create(Object.getPrototypeOf(root) as object), root)
  ) as Root;
  const at = key as keyof Root;
  copy[at] = (rest.length === 0 ? value : replaced(root[at] as object, rest, value)) as Root[keyof Root];
  return copy;
}
