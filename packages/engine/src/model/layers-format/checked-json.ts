import { given, MpoError } from "@mpo/core";
import type { z } from "zod";

/** The error of a whole file that asks for what the engine does not have. */
export function unsupported(file: string, text: string, hint?: string): MpoError {
  return new MpoError("unsupported", `${file}: ${text}`, given({ hint }));
}

/** The error of a file that is damaged, or contradicts itself. */
export function invalid(file: string, text: string, hint?: string): MpoError {
  return new MpoError("invalid-data", `${file}: ${text}`, given({ hint }));
}

/** Checks a value against a schema. Throws `invalid-data` naming file and place. */
export function check<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new MpoError("invalid-data", `${file}: at ${issue?.path.join(".") || "the top"}: ${issue?.message}`, {
    cause: result.error,
  });
}

/** Parses JSON. Throws `invalid-data` naming the file. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new MpoError("invalid-data", `${file}: no JSON: ${MpoError.from(thrown).message}`, { cause: thrown });
  }
}
