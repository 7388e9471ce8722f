import { MpoError } from "@mpo/core";

/**
 * The one shape of message for malformed files: file, byte offset (after decompression, where it is compressed), what was
 * expected, what was found.
 */
export function invalidData(
  file: string,
  offsetBytes: number,
  expected: string,
  found: string,
  cause?: unknown,
  hint = "The file is damaged or in another format: download or write it again.",
): MpoError {
  return new MpoError("invalid-data", `${file}: at byte ${offsetBytes}: expected ${expected}, found ${found}`, {
    hint,
    cause,
  });
}
