import { MpoError } from "@mpo/core";

/** The error of a whole file that asks for what the engine does not have. */
export function unsupported(file: string, text: string, hint?: string): MpoError {
  return new MpoError("unsupported", `${file}: ${text}`, { hint });
}

/** The error of a file that is damaged, or contradicts itself. */
export function invalid(file: string, text: string, hint?: string): MpoError {
  return new MpoError("invalid-data", `${file}: ${text}`, { hint });
}
