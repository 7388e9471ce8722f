import type * as z from "zod";

/** An object of which one key must be there, and no other of them. */
export function exactlyOne<Schema extends z.ZodType>(keys: readonly string[], schema: Schema): Schema {
  return keyed(schema, keys, (given) =>
    given.length === 0 ? `has none of ${keys.join(", ")}; expected one` : tooMany(given),
  );
}

/** An object of which at most one of some keys may be there. */
export function atMostOne<Schema extends z.ZodType>(keys: readonly string[], schema: Schema): Schema {
  return keyed(schema, keys, tooMany);
}

/** An object of which all of some keys must be there, or none. */
export function bothOrNeither<Schema extends z.ZodType>(keys: readonly string[], schema: Schema): Schema {
  return keyed(schema, keys, (given) =>
    given.length === 0 || given.length === keys.length
      ? undefined
      : `has ${given.join(", ")} alone; expected ${keys.join(" and ")}, or neither`,
  );
}

function tooMany(given: readonly string[]): string | undefined {
  return given.length > 1 ? `has ${given.join(" and ")}; expected one of them` : undefined;
}

function keyed<Schema extends z.ZodType>(
  schema: Schema,
  keys: readonly string[],
  wrong: (given: readonly string[]) => string | undefined,
): Schema {
  return schema.superRefine((value, { addIssue }) => {
    const message = wrong(keys.filter((key) => (value as Readonly<Record<string, unknown>>)[key] !== undefined));
    if (message !== undefined) addIssue({ code: "custom", message });
  });
}
