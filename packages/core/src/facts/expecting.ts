/** What would forge log lines or turn the words beside it around, and halves of characters. */
export const NOT_ON_A_LINE: RegExp = /[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]+/u;

const SHOWN_CHARACTERS = 48;

/** A value for an error message: short, one line, never the content of bytes or objects. */
export function shown(found: unknown): string {
  if (found === undefined) return "absent";
  if (found === null) return "null";
  if (found === "") return "empty";
  if (typeof found === "string")
    return found.length > SHOWN_CHARACTERS
      ? `a text of ${found.length} characters`
      : JSON.stringify(found).split(NOT_ON_A_LINE).join("\ufffd");
  if (typeof found === "number" || typeof found === "boolean" || typeof found === "bigint") return String(found);
  if (ArrayBuffer.isView(found)) return `${found.byteLength} bytes`;
  if (Array.isArray(found)) return `a list of ${found.length}`;
  return `of type ${typeof found}`;
}

/** What an error says of a value; the first thing that is wrong is enough. */
export function expecting(
  expected: string,
  show: (found: unknown) => string = shown,
): { readonly abort: true; readonly error: (issue: { readonly input?: unknown }) => string } {
  return { abort: true, error: ({ input }) => `is ${show(input)}; expected ${expected}` };
}
