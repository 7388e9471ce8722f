import { MpoError } from "@mpo/core";
import { z } from "zod";

/** Checks a value against a schema. Throws `invalid-data` naming file and place. */
export function checkJson<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new MpoError("invalid-data", `${file}: at ${issue?.path.join(".") || "the top"}: ${issue?.message}`, {
    cause: result.error,
  });
}

/**
 * Parses JSON, with or without a byte order mark. Numbers that Python wrote as arrays, `{"type":"ndarray","value":6}`,
 * are numbers. Throws `invalid-data` naming the file and the place, and nothing of its content.
 */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""), plainNumber) as unknown;
  } catch (thrown) {
    const place = /position \d+/.exec(MpoError.from(thrown).message)?.[0];
    throw new MpoError("invalid-data", `${file}: is not valid JSON${place === undefined ? "" : `, at ${place}`}`);
  }
}

const wrapped = z.union([
  z.object({ type: z.literal("ndarray"), value: z.unknown() }),
  z
    .object({ class_name: z.enum(["__numpy__", "__tensor__"]), config: z.object({ value: z.unknown() }) })
    .transform(({ config }) => config),
]);

function plainNumber(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("type" in value || "class_name" in value)) return value;
  const found = wrapped.safeParse(value);
  return found.success ? found.data.value : value;
}
