import { MpoError, unitActionSchema } from "@mpo/core";
import protobuf from "protobufjs";
import * as z from "zod";
import { unitActionForm } from "./unit-action-form.ts";

/** Between what protobufjs makes of a value and the domain's form of it. Neither direction checks: the schema does. */
export interface Mapping {
  /** Whatever is not as the proto files have it stays what it is, for the schema to refuse. */
  fromWire(wire: unknown): unknown;
  /** Of a value that its schema has checked. */
  toWire(value: never): unknown;
}

/** One key of an object. */
interface Entry {
  readonly key: string;
  /** Undefined: absent. */
  read(message: Readonly<Record<string, unknown>>): unknown;
  write(value: unknown, message: Record<string, unknown>): void;
}

const SAME: Mapping = { fromWire: (wire) => wire, toWire: (value) => value };

/** Bytes, copied: a slice would keep the whole message in memory. */
const BYTES: Mapping = {
  fromWire: (wire) => (wire instanceof Uint8Array ? Uint8Array.from(wire) : wire),
  toWire: (value) => value,
};

const DIGEST_BYTES = 32;
/** A digest: bytes there, hexadecimal digits here. */
const DIGEST: Mapping = {
  fromWire: (wire) =>
    wire instanceof Uint8Array && wire.length === DIGEST_BYTES ? Buffer.from(wire).toString("hex") : wire,
  toWire: (value) => Buffer.from(value, "hex"),
};

/** A number of 64 bits. One that no number holds exactly is near a whole number that is too large. */
const WHOLE: Mapping = {
  fromWire: (wire) => (wire instanceof protobuf.util.Long ? (wire.high >>> 0) * 2 ** 32 + (wire.low >>> 0) : wire),
  toWire: (value) => value,
};

/** What a schema is, without what may be absent and what is checked before it. */
export function plainSchema(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional) return plainSchema(schema.unwrap());
  return schema instanceof z.ZodPipe ? plainSchema(schema.out) : schema;
}

/**
 * The mapping between a message of the proto files and an object's schema, by the names of their fields: an enum's value
 * is the domain's word in capitals after the enum's name, the fields of a `oneof` are the kinds of a union. Throws
 * `internal` when a field is missing on either side or is of another type.
 */
export function objectMapping(schema: z.ZodObject, type: protobuf.Type, leftOut: readonly string[] = []): Mapping {
  const unions = type.oneofsArray.filter(({ fieldsArray }) => !fieldsArray.some(isProto3Optional));
  const inUnion = new Set(unions.flatMap(({ fieldsArray }) => fieldsArray));
  const entries = [
    ...type.fieldsArray.filter((field) => !inUnion.has(field)).map((field) => fieldEntry(keyOf(schema, field), field)),
    ...unions.map((union) => unionEntry(keyOf(schema, union), union)),
  ];
  const named = new Set([...entries.map(({ key }) => key), ...leftOut]);
  const unknown = Object.keys(schema.shape).find((key) => !named.has(key));
  if (unknown !== undefined) throw differs(`${type.name}.${unknown}`, "is not in the proto files");
  return {
    fromWire: (wire) => {
      if (typeof wire !== "object" || wire === null || Array.isArray(wire)) return wire;
      const value: Record<string, unknown> = {};
      for (const { key, read } of entries) {
        const found = read(wire as Readonly<Record<string, unknown>>);
        if (found !== undefined) value[key] = found;
      }
      return value;
    },
    toWire: (value: Readonly<Record<string, unknown>>) => {
      const message: Record<string, unknown> = {};
      for (const { key, write } of entries) if (value[key] !== undefined) write(value[key], message);
      return message;
    },
  };
}

function keyOf(schema: z.ZodObject, { name, parent }: protobuf.ReflectionObject): z.core.$ZodType {
  const found = schema.shape[name];
  if (found === undefined) throw differs(`${parent?.name}.${name}`, "is not in the schema");
  return found;
}

function fieldEntry(schema: z.core.$ZodType, field: protobuf.Field): Entry {
  const { name: key, repeated } = field;
  const hasPresence = isProto3Optional(field) || (!repeated && field.resolvedType instanceof protobuf.Type);
  // Of a text, bytes or a list, empty means absent.
  const isEmptyAbsent = !hasPresence && schema instanceof z.ZodOptional;
  const mapping = repeated ? listMapping(schema, field) : valueMapping(schema, field);
  return {
    key,
    read: (message) => {
      const wire = message[key];
      if (hasPresence && (wire === null || !Object.hasOwn(message, key))) return undefined;
      return isEmptyAbsent && isEmpty(wire) ? undefined : mapping.fromWire(wire);
    },
    write: (value, message) => {
      const wire = mapping.toWire(value as never);
      // As proto3 has it: what the reader assumes is not sent.
      if (hasPresence || !(Object.is(wire, 0) || wire === false || isEmpty(wire))) message[key] = wire;
    },
  };
}

function isEmpty(wire: unknown): boolean {
  return wire === "" || ((Array.isArray(wire) || wire instanceof Uint8Array) && wire.length === 0);
}

function listMapping(schema: z.core.$ZodType, field: protobuf.Field): Mapping {
  const list = plainSchema(schema);
  if (!(list instanceof z.ZodArray)) throw differs(field.fullName, "is a list in the proto files alone");
  const item = valueMapping(list.element, field);
  return {
    fromWire: (wire) => (Array.isArray(wire) ? wire.map(item.fromWire) : wire),
    toWire: (value: readonly never[]) => value.map(item.toWire),
  };
}

function valueMapping(schema: z.core.$ZodType, field: protobuf.Field): Mapping {
  const plain = plainSchema(schema);
  const { type, resolvedType } = field;
  if (plain === unitActionSchema && type === "uint32") return unitActionForm;
  if (resolvedType instanceof protobuf.Type && plain instanceof z.ZodObject) return objectMapping(plain, resolvedType);
  if (resolvedType instanceof protobuf.Enum && plain instanceof z.ZodEnum) return enumMapping(plain, resolvedType);
  if (type === "bytes" && plain instanceof z.ZodString) return DIGEST;
  if (type === "bytes" && plain instanceof z.ZodCustom) return BYTES;
  if (type === "uint64" && plain instanceof z.ZodNumber && plain.isInt) return WHOLE;
  const fits =
    (type === "string" && plain instanceof z.ZodString) ||
    (type === "bool" && plain instanceof z.ZodBoolean) ||
    (type === "double" && plain instanceof z.ZodNumber && !plain.isInt) ||
    (plain instanceof z.ZodNumber && plain.isInt && holds(type, plain));
  if (!fits)
    throw differs(field.fullName, `is a ${type} in the proto files, and a ${plain._zod.def.type} in the schema`);
  return SAME;
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  uint32: [0, 2 ** 32 - 1],
  sint32: [-(2 ** 31), 2 ** 31 - 1],
};

function holds(type: string, { minValue, maxValue }: z.ZodNumber): boolean {
  const [min, max] = RANGES[type] ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return (minValue ?? Number.NEGATIVE_INFINITY) >= min && (maxValue ?? Number.POSITIVE_INFINITY) <= max;
}

/** What a word that this release does not know is read as, where there is such a word: a later release may have sent it. */
const OTHER = "other";

/** `label-free` of AccuracyJudge is ACCURACY_JUDGE_LABEL_FREE; 0 is UNSPECIFIED, and never sent. */
function enumMapping(schema: z.ZodEnum, { name, values }: protobuf.Enum): Mapping {
  const numbers = new Map<unknown, number>();
  const words = new Map<unknown, string>();
  for (const word of schema.options as readonly string[]) {
    const number = values[`${capitals(name)}_${capitals(word)}`];
    if (number === undefined) throw differs(name, `has no value for ${word}`);
    numbers.set(word, number);
    words.set(number, word);
  }
  if (words.size + 1 !== Object.keys(values).length) throw differs(name, "has values that the schema lacks");
  const unknown = numbers.has(OTHER) ? OTHER : undefined;
  const isLater = (wire: unknown): boolean => Number.isSafeInteger(wire) && (wire as number) > 0;
  return {
    fromWire: (wire) => words.get(wire) ?? (isLater(wire) ? unknown : undefined) ?? wire,
    toWire: (value) => numbers.get(value),
  };
}

function capitals(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/gu, "$1_$2")
    .replaceAll("-", "_")
    .toUpperCase();
}

/**
 * A `oneof` as a union by `kind`. A kind whose one key is its own name holds the message there; of any other, the
 * message's fields are its keys.
 */
function unionEntry(schema: z.core.$ZodType, union: protobuf.OneOf): Entry {
  const { name: key, fieldsArray } = union;
  const plain = plainSchema(schema);
  if (!(plain instanceof z.ZodDiscriminatedUnion)) throw differs(union.fullName, "is not a union in the schema");
  const options = new Map(
    plain.options.map((option) => {
      const { shape } = option as z.ZodObject;
      return [(shape["kind"] as z.ZodLiteral).value as string, option as z.ZodObject] as const;
    }),
  );
  if (options.size !== fieldsArray.length) throw differs(union.fullName, "has other kinds in the schema");
  const kinds = fieldsArray.map(({ name: kind, resolvedType }) => {
    const option = options.get(kind);
    if (option === undefined || !(resolvedType instanceof protobuf.Type))
      throw differs(`${union.fullName}.${kind}`, "is not a message, or is not in the schema");
    const inner = option.shape[kind];
    const isNested = inner instanceof z.ZodObject;
    const mapping = isNested ? objectMapping(inner, resolvedType) : objectMapping(option, resolvedType, ["kind"]);
    return { kind, isNested, mapping };
  });
  return {
    key,
    read: (message) => {
      const found = kinds.filter(({ kind }) => Object.hasOwn(message, kind) && message[kind] != null);
      const [only] = found;
      if (only === undefined) return undefined;
      // The schema refuses more than one, with their names.
      if (found.length > 1) return found.map(({ kind }) => kind).join(" and ");
      const { kind, isNested, mapping } = only;
      const value = mapping.fromWire(message[kind]);
      if (isNested) return { kind, [kind]: value };
      return typeof value === "object" && !Array.isArray(value) ? { kind, ...value } : value;
    },
    write: (value, message) => {
      const { kind } = value as { readonly kind: string };
      const { isNested, mapping } = kinds.find((one) => one.kind === kind) as (typeof kinds)[number];
      message[kind] = mapping.toWire((isNested ? (value as Readonly<Record<string, unknown>>)[kind] : value) as never);
    },
  };
}

/** A field marked `optional` is alone in a `oneof` of its own name, as descriptors have it. */
function isProto3Optional({ name, partOf }: protobuf.Field): boolean {
  return partOf?.name === `_${name}`;
}

function differs(what: string, how: string): MpoError {
  return new MpoError("internal", `proto files and schemas differ: ${what} ${how}`);
}
