import { MpoError } from "@mpo/core";
import { parseDocument } from "yaml";

/** A rollout's file as JSON. Throws `invalid-argument` with line and column for what is not YAML. */
export function specOfYaml(text: string): string {
  const document = parseDocument(text, { prettyErrors: true });
  const [first] = document.errors;
  if (first !== undefined) throw new MpoError("invalid-argument", first.message);
  return JSON.stringify(document.toJS({ maxAliasCount: 100 }));
}
