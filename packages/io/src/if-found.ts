import { hasCode, type MpoErrorCode } from "@mpo/core";

/** What comes of looking for something; undefined when that throws `not-found`, or another of these codes. */
export async function ifFound<T>(looking: Promise<T>, ...others: readonly MpoErrorCode[]): Promise<T | undefined> {
  return await looking.catch((thrown: unknown) => {
    if (hasCode(thrown, "not-found", ...others)) return undefined;
    throw thrown;
  });
}
