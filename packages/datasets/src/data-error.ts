import { MpoError } from "@mpo/core";

/** What a malformed file looks like at one place. */
export interface DataProblem {
  readonly file: string;
  /** Where in the file (after decompression, where it is compressed). */
  readonly offsetBytes: number;
  readonly expected: string;
  readonly found: string;
  readonly cause?: unknown;
}

/** The one shape of message for malformed files: file, byte offset, what was expected, what was found. */
export function invalidData(problem: DataProblem): MpoError {
  return new MpoError(
    "invalid-data",
    `${problem.file}: at byte ${problem.offsetBytes}: expected ${problem.expected}, found ${problem.found}`,
    { hint: "Fetch or write the file again; it is damaged or of another format.", cause: problem.cause },
  );
}
