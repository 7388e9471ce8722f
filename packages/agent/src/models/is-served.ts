import type { DesiredDocument, ServedModel } from "@mpo/protocol";

/** Whether a model is served in the version that a document is for. */
export function isServed(served: ServedModel | undefined, { artifact }: Pick<DesiredDocument, "artifact">): boolean {
  return served !== undefined && served.artifact?.digest === artifact?.digest;
}
