import * as z from "zod";
import { closestOf } from "./closest.ts";
import { expecting, NOT_ON_A_LINE, shown } from "./expecting.ts";
import { MpoError, type MpoErrorCode } from "./mpo-error.ts";
import { FILE_NAME, isName, NAME } from "./names.ts";

export { expecting, NOT_ON_A_LINE };

/** What a schema says that a value is; nothing of it can be changed. */
export type Fact<Schema extends z.ZodType> = Immutable<z.output<Schema>>;

type Immutable<Value> = Value extends Uint8Array
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Immutable<Item>[]
    : { readonly [Key in keyof Value]: Immutable<Value[Key]> };

/** Where in a value something is. */
export type FactPath = readonly (string | number)[];

/** Largest whole number that a JavaScript number holds exactly, 2^53 - 1. */
export const MAX_WHOLE: number = Number.MAX_SAFE_INTEGER;
/** Largest whole number of 32 bits. */
export const MAX_UINT32: number = 2 ** 32 - 1;
/** A week: no window, step or probe takes longer. */
export const MAX_MS = 604_800_000;
/** Steps, failures and other things that are counted one by one. */
export const MAX_COUNT = 1e9;
/** Characters of the words in which a message says what happened. */
export const MESSAGE_LENGTH = 512;

/** An object; keys that it does not name are left out. */
export function object<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape> {
  return z.object(shape, expecting("an object")) as unknown as z.ZodObject<Shape>;
}

/** An object as a person writes it: a key that it does not name is an error. */
export function written<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape);
  const expected = expecting("an object");
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? `is not known; expected one of ${keys.join(", ")}` : expected.error(issue),
  }) as unknown as z.ZodObject<Shape, z.core.$strict>;
}

/** A text that a person writes for a value, such as "150MiB"; `read` says which, or undefined. */
export function readAs<Value>(
  read: (text: string) => Value | undefined,
  expected: string,
): z.ZodPipe<z.ZodString, z.ZodTransform<Exclude<Value, undefined>, string>> {
  const { error } = expecting(expected);
  return z.string(expecting(expected)).transform((input, context): Exclude<Value, undefined> => {
    const value = read(input);
    if (value !== undefined) return value as Exclude<Value, undefined>;
    context.addIssue({ code: "custom", message: error({ input }) });
    return z.NEVER;
  });
}

/** A whole number, up to what a JavaScript number holds exactly. */
export function whole(min: number = 0, max: number = MAX_WHOLE): z.ZodNumber {
  const expected = expecting(`a whole number from ${min} to ${max}`);
  return z.number(expected).int(expected).min(min, expected).max(max, expected);
}

/** A finite number. */
export function number(min: number, max: number): z.ZodNumber {
  const expected = expecting(`a number from ${min} to ${max}`);
  return z.number(expected).min(min, expected).max(max, expected);
}

/** A number above 0. */
export function positive(max: number): z.ZodNumber {
  const expected = expecting(`a number above 0 and up to ${max}`);
  return z.number(expected).gt(0, expected).max(max, expected);
}

/** A share, 0 to 1. */
export function share(): z.ZodNumber {
  return number(0, 1);
}

/** A duration, milliseconds. */
export function durationMs(): z.ZodNumber {
  return number(0, MAX_MS);
}

/** Bytes that need not be whole: a mean, or a bound. */
export function byteCount(): z.ZodNumber {
  return number(0, MAX_WHOLE);
}

/** Milliseconds since 1970-01-01 UTC, as far as a `Date` goes. */
export function timestampMs(): z.ZodNumber {
  return whole(0, 8.64e15);
}

/** True or false. */
export function flag(): z.ZodBoolean {
  return z.boolean(expecting("true or false"));
}

/** Lengths of the texts and bytes that a schema takes, where a function of its own checks them. */
export const LENGTHS: z.core.$ZodRegistry<{ readonly min: number; readonly max: number }> = z.registry();

/** A text on one line (or on several: PEM), with bounds in UTF-16 code units. */
export function text(
  min: number,
  max: number,
  { hasLines = false }: { readonly hasLines?: boolean } = {},
): z.ZodString {
  return bounded(min, max, hasLines, shown);
}

/** The same, never shown. */
export function secret(max: number, { hasLines = false }: { readonly hasLines?: boolean } = {}): z.ZodString {
  return bounded(1, max, hasLines, (found) => (typeof found === "string" && found !== "" ? "[secret]" : shown(found)));
}

function bounded(min: number, max: number, hasLines: boolean, show: (found: unknown) => string): z.ZodString {
  const where = hasLines ? ", without control characters but line ends" : " on one line, without control characters";
  const expected = expecting(`${min} to ${max} characters${where}`, show);
  const fits = (value: string): boolean =>
    value.length >= min && value.length <= max && !NOT_ON_A_LINE.test(hasLines ? value.replaceAll("\n", "") : value);
  return z.string(expected).refine(fits, expected).register(LENGTHS, { min, max });
}

/** A name (see `isName`). */
export function name(): z.ZodString {
  const expected = expecting("a name: 1 to 64 characters of A-Z a-z 0-9 _ -");
  return z.string(expected).regex(NAME, expected).refine(isName, expected);
}

/** The name of a file (see `isFileName`). */
export function fileName(): z.ZodString {
  const expected = expecting("a file's name: 1 to 128 characters of A-Z a-z 0-9 . _ -, the first of them no dot");
  return z.string(expected).regex(FILE_NAME, expected);
}

/** A SHA-256 as 64 lower-case hexadecimal digits. */
export function digest(): z.ZodString {
  return shaped(/^[0-9a-f]{64}$/u, "64 lower-case hexadecimal digits");
}

/** A text of a form; `what`: in words. */
export function shaped(pattern: RegExp, what: string): z.ZodString {
  const expected = expecting(what);
  return z.string(expected).regex(pattern, expected);
}

/** One of a few words. */
export function word<const Words extends readonly string[]>(words: Words): z.ZodEnum<{ [W in Words[number]]: W }> {
  return z.enum(words, expecting(`one of ${words.join(", ")}`)) as z.ZodEnum<{ [W in Words[number]]: W }>;
}

/** Bytes of some length. */
export function bytes(min: number, max: number): z.ZodCustom<Uint8Array, Uint8Array> {
  const expected = expecting(min === max ? `${min} bytes` : `${min} to ${max} bytes`);
  const fits = (value: unknown): boolean => value instanceof Uint8Array && value.length >= min && value.length <= max;
  return z.custom<Uint8Array>(fits, expected).register(LENGTHS, { min, max });
}

/** A list; its length is checked before its first item is looked at. */
export function list<Item extends z.ZodType>(
  item: Item,
  min: number,
  max: number,
): z.ZodPipe<z.ZodCustom<unknown[], unknown[]>, z.ZodArray<Item>> {
  const expected = expecting(`a list of ${min} to ${max}`);
  const fits = (value: unknown): boolean => Array.isArray(value) && value.length >= min && value.length <= max;
  return z.custom<unknown[]>(fits, expected).pipe(z.array(item).min(min).max(max) as never) as never;
}

/** A list as a person writes it: every item is looked at, whatever the length. */
export function writtenList<Item extends z.ZodType>(item: Item, min: number, max: number): z.ZodArray<Item> {
  const expected = expecting(`a list of ${min} to ${max}`);
  return z.array(item, expected).min(min, expected).max(max, expected);
}

/** Values by names that are not known before. */
export function table<Value extends z.ZodType>(value: Value): z.ZodRecord<z.ZodString, Value> {
  return z.record(z.string(), value, expecting("an object"));
}

/** A value of a program's own, which is not looked into. */
export function asIs<Value>(): z.ZodCustom<Value, Value> {
  return z.custom<Value>();
}

/** One of several objects, distinguished by `kind`: the other fields of each kind. `of`: what an object is like. */
export function choice<const Kinds extends Readonly<Record<string, z.core.$ZodLooseShape>>>(
  kinds: Kinds,
  of: (shape: z.core.$ZodLooseShape) => z.ZodType = object,
): z.ZodDiscriminatedUnion<
  { [Kind in keyof Kinds & string]: z.ZodObject<{ kind: z.ZodLiteral<Kind> } & Kinds[Kind]> }[keyof Kinds & string][],
  "kind"
> {
  const options = Object.entries(kinds).map(([kind, shape]) => of({ kind: z.literal(kind), ...shape }));
  const show = (found: unknown): string =>
    typeof found === "object" && found !== null && "kind" in found ? shown(found.kind) : shown(found);
  const expected = expecting(`exactly one of ${Object.keys(kinds).join(", ")}`, show);
  return z.discriminatedUnion("kind", options as never, expected) as never;
}

/** Says what contradicts itself in a value whose parts are as they should be. */
export type Refuse = (path: FactPath, found: unknown, expected: string) => void;

/** A schema with one more rule. */
export function consistent<Schema extends z.ZodType>(
  schema: Schema,
  check: (value: z.output<Schema>, refuse: Refuse) => void,
): Schema {
  return schema.superRefine((value, context) => {
    check(value, (path, found, expected) =>
      context.addIssue({ code: "custom", path: [...path], message: `is ${shown(found)}; expected ${expected}` }),
    );
  });
}

/**
 * A value that may be anything, as its schema has it. Throws an error that names the place, what is there and what was
 * expected: "HelloRequest.inventory.cpuCores is 0; expected a whole number from 1 to 4096".
 */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  place: string,
  code: MpoErrorCode = "invalid-data",
): Fact<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data as Fact<Schema>;
  throw new MpoError(code, `${place}${wordsOf(result.error.issues[0] as z.core.$ZodIssue)}`);
}

/** All that is wrong with a value, place by place, as `checked` says it of the first; empty: nothing is. */
export function faultsOf(schema: z.ZodType, value: unknown): readonly string[] {
  return schema.safeParse(value).error?.issues.map(wordsOf) ?? [];
}

/** Something wrong with a value that a person wrote: where, and what. */
export interface Fault {
  readonly path: FactPath;
  readonly message: string;
  /** It is the key itself that is wrong. */
  readonly isKey?: boolean;
}

/** All that is wrong with a value that a person wrote; keys that are not known come with what was probably meant. */
export function faultsIn(schema: z.ZodType, value: unknown): readonly Fault[] {
  return (schema.safeParse(value).error?.issues ?? []).flatMap((issue): readonly Fault[] => {
    const path = issue.path as FactPath;
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    const known = issue.message.replace(/^.* one of /u, "").split(", ");
    return issue.keys.map((key) => {
      const meant = closestOf(key, known);
      return {
        path: [...path, key],
        isKey: true,
        message: meant === undefined ? issue.message : `is not known; did you mean ${meant}?`,
      };
    });
  });
}

function wordsOf({ path, message }: z.core.$ZodIssue): string {
  return `${path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("")} ${message}`;
}
