import { MpoError } from "@mpo/core";

const DAMAGED = "The file is damaged or in another format: download or write it again.";

/**
 * The one shape of message for malformed files: file, byte offset (after decompression, where it is compressed), what was
 * expected, what was found.
 */
export function invalidData(
  file: string,
  offsetBytes: number,
  expected: string,
  found: string,
  { cause, hint = DAMAGED }: { readonly cause?: unknown; readonly hint?: string | undefined } = {},
): MpoError {
  return new MpoError("invalid-data", `${file}: at byte ${offsetBytes}: expected ${expected}, found ${found}`, {
    hint,
    cause,
  });
}
