import { checked, closestOf, MpoError } from "@mpo/core";
import * as z from "zod";
import { plainSchema } from "../mapping.ts";
import type { MessageCodec } from "../message-codec.ts";

/** What `JSON.stringify` writes without loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * A request that came as JSON: the fields of its schema, bytes in base64. What is absent is what proto3 reads where nothing
 * was sent (an empty text or list, 0, false), as long as the schema takes that. Throws `invalid-argument`, which names the
 * field, also for one that there is not: that it was left out would go unnoticed.
 */
export function requestOfJson<Value>({ schema, messageName }: MessageCodec<Value>, json: unknown): Value {
  return checked(schema, readValue(schema, json, messageName), messageName, "invalid-argument") as Value;
}

/** An answer as JSON; whatever its schema does not name stays here. Throws `internal` for one that is not as it should be. */
export function jsonOfAnswer<Value>({ schema, messageName }: MessageCodec<Value>, answer: Value): Json {
  return jsonOf(checked(schema, answer, messageName, "internal"));
}

/** Bytes as texts; nothing else is looked at: the schema does that. */
function readValue(schema: z.core.$ZodType, json: unknown, place: string): unknown {
  const plain = plainSchema(schema);
  if (isBytes(plain)) return typeof json === "string" ? bytesOf(json, place) : json;
  if (plain instanceof z.ZodArray && Array.isArray(json)) {
    return json.map((item, index) => readValue(plain.element, item, `${place}[${index}]`));
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  if (plain instanceof z.ZodObject) return readObject(plain, json, place);
  if (!(plain instanceof z.ZodDiscriminatedUnion)) return json;
  const kind = plain.options.find((option) => isOfKind(option as z.ZodObject, json));
  return kind === undefined ? json : readValue(kind, json, place);
}

function readObject({ shape }: z.ZodObject, json: object, place: string): Record<string, unknown> {
  const keys = Object.keys(shape);
  const unknown = Object.keys(json).find((key) => !Object.hasOwn(shape, key));
  if (unknown !== undefined) throw notKnown(unknown, keys, place);
  const found = json as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    keys.map((key) => {
      const field = shape[key] as z.core.$ZodType;
      const value = Object.hasOwn(found, key) ? readValue(field, found[key], `${place}.${key}`) : emptyOf(field);
      return [key, value];
    }),
  );
}

function isOfKind({ shape }: z.ZodObject, json: object): boolean {
  const { kind } = json as { readonly kind?: unknown };
  return Object.hasOwn(json, "kind") && (shape["kind"] as z.ZodLiteral).value === kind;
}

/** What is read where nothing was sent; undefined where the schema does not take it. */
function emptyOf(schema: z.core.$ZodType): unknown {
  if (schema instanceof z.ZodOptional) return undefined;
  const plain = plainSchema(schema);
  const empty = EMPTY.find(([type]) => plain instanceof type)?.[1];
  return z.safeParse(schema, empty).success ? empty : undefined;
}

/** Whether a field of a request must be there. */
export function isRequired(schema: z.core.$ZodType): boolean {
  return !(schema instanceof z.ZodOptional) && emptyOf(schema) === undefined;
}

const EMPTY = [
  [z.ZodString, ""],
  [z.ZodNumber, 0],
  [z.ZodBoolean, false],
  [z.ZodArray, []],
] as const;

/** Whether a schema is one of bytes: nothing else on the wire is a function of its own, and no pipe. */
export function isBytes(plain: z.core.$ZodType): boolean {
  return plain instanceof z.ZodCustom;
}

function bytesOf(text: string, place: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // Node skips what is not base64.
  if (bytes.toString("base64") === text) return bytes;
  throw new MpoError("invalid-argument", `${place} is not valid base64 (with padding, RFC 4648 §4)`);
}

function notKnown(key: string, keys: readonly string[], place: string): MpoError {
  const meant = closestOf(key, keys);
  const known = keys.length === 0 ? "there are no fields" : `expected one of ${keys.join(", ")}`;
  const words = meant === undefined ? known : `did you mean ${meant}?`;
  return new MpoError(
    "invalid-argument",
    `${place} has an unknown field ${JSON.stringify(key.slice(0, 64))}; ${words}`,
  );
}

function jsonOf(value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object" || value === null) return value as Json;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries.map(([key, one]) => [key, jsonOf(one)]));
}
