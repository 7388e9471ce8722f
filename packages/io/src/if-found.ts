import { MpoError } from "@mpo/core";

/** What comes of looking for something; undefined when that throws `not-found`. */
export async function ifFound<T>(looking: Promise<T>): Promise<T | undefined> {
  return await looking.catch((thrown: unknown) => {
    if (thrown instanceof MpoError && thrown.code === "not-found") return undefined;
    throw thrown;
  });
}
