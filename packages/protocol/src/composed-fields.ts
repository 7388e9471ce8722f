import { type Field, refuse } from "./field.ts";

/** A field that may be absent (`optional` in the proto, or any message). */
export function optional<Value>(field: Field<Value>): Field<Value | undefined> {
  return {
    ...field,
    decode: (wire, path) => (wire === undefined || wire === null ? undefined : field.decode(wire, path)),
    encode: (value, path) => (value === undefined ? undefined : field.encode(value, path)),
  };
}

/** A text or bytes for which empty means absent. */
export function orEmpty<Value>(field: Field<Value>): Field<Value | undefined> {
  const empty = field.wireType === "TYPE_BYTES" ? Buffer.alloc(0) : "";
  const isEmpty = (wire: unknown): boolean => wire === "" || (wire instanceof Uint8Array && wire.length === 0);
  return {
    ...field,
    decode: (wire, path) => (isEmpty(wire) ? undefined : field.decode(wire, path)),
    encode: (value, path) => (value === undefined ? empty : field.encode(value, path)),
  };
}

/** A list for which empty means absent. */
export function unlessEmpty<Value>(field: Field<readonly Value[]>): Field<readonly Value[] | undefined> {
  return {
    ...field,
    decode: (wire, path) => (Array.isArray(wire) && wire.length === 0 ? undefined : field.decode(wire, path)),
    encode: (value, path) => (value === undefined ? [] : field.encode(value, path)),
  };
}

/** A list; its length is checked before its first item is looked at. */
export function list<Value>(
  item: Field<Value>,
  { min = 0, max }: { readonly min?: number; readonly max: number },
): Field<readonly Value[]> {
  const checked = (values: unknown, path: string): readonly unknown[] =>
    Array.isArray(values) && values.length >= min && values.length <= max
      ? values
      : refuse(path, values, `a list of ${min} to ${max}`);
  return {
    wireType: item.wireType,
    isRepeated: true,
    decode: (wire, path) => checked(wire, path).map((value, index) => item.decode(value, `${path}[${index}]`)),
    encode: (values, path) =>
      checked(values, path).map((value, index) => item.encode(value as Value, `${path}[${index}]`)),
  };
}

/** A field with one more rule. `check` calls `refuse` with the path of what breaks it. */
export function refined<Value>(field: MessageField<Value>, check: Check<Value>): MessageField<Value>;
export function refined<Value>(field: Field<Value>, check: Check<Value>): Field<Value>;
export function refined<Value>(field: Field<Value>, check: Check<Value>): Field<Value> {
  return {
    ...field,
    decode: (wire, path) => {
      const value = field.decode(wire, path);
      check(value, path);
      return value;
    },
    encode: (value, path) => {
      const wire = field.encode(value, path);
      check(value, path);
      return wire;
    },
  };
}

type Check<Value> = (value: Value, path: string) => void;

/** A message's field by its name in the domain, which is the proto's name in camelCase. */
export type FieldsOf<Value extends object> = {
  readonly [Name in keyof Value]-?: Record<never, never> extends Pick<Value, Name>
    ? Field<Exclude<Value[Name], undefined> | undefined>
    : Field<Value[Name]>;
};

/** A message: its fields, each checked by its own rule. */
export interface MessageField<Value> extends Field<Value> {
  /** Its name in the proto files, without the package. */
  readonly messageName: string;
  readonly fields: Readonly<Record<string, Field<unknown>>>;
}

/**
 * A message of the proto files. `Wire` is its generated type: the compiler checks that every field of it has a rule.
 */
export function message<Value extends object, Wire extends object>(
  messageName: string,
  fields: FieldsOf<Value> & Readonly<Record<keyof Wire, unknown>>,
): MessageField<Value> {
  const entries = Object.entries(fields) as readonly (readonly [string, Field<unknown>])[];
  return {
    messageName,
    fields: Object.fromEntries(entries),
    wireType: "TYPE_MESSAGE",
    isRepeated: false,
    decode: (wire, path) =>
      collect(wire, path, (own) =>
        entries.map(([key, field]) => [key, field.decode(own(key), `${path}.${key}`)]),
      ) as Value,
    encode: (value, path) =>
      collect(value, path, (own) => entries.map(([key, field]) => [key, field.encode(own(key), `${path}.${key}`)])),
  };
}

/** Builds an object from the own properties of another; what is undefined stays out of it. */
function collect(
  source: unknown,
  path: string,
  read: (own: (key: string) => unknown) => readonly (readonly [string, unknown])[],
): object {
  if (typeof source !== "object" || source === null || Array.isArray(source)) return refuse(path, source, "a message");
  const own = (key: string): unknown => (Object.hasOwn(source, key) ? source[key as keyof typeof source] : undefined);
  return Object.fromEntries(read(own).filter(([, value]) => value !== undefined));
}

/** A message that has another form in the domain than on the wire. */
export function mapped<Wire, Value>(
  field: MessageField<Wire>,
  fromWire: (wire: Wire, path: string) => Value,
  toWire: (value: Value, path: string) => Wire,
): MessageField<Value> {
  return {
    ...field,
    decode: (wire, path) => fromWire(field.decode(wire, path), path),
    encode: (value, path) => field.encode(toWire(value, path), path),
  };
}
