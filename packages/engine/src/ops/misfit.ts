import { MpoError } from "@mpo/core";

/** The error of inputs or attributes that do not fit an operation. */
export function misfit(text: string): MpoError {
  return new MpoError("invalid-argument", text);
}
