import { InvalidArgumentError } from "commander";
import type { OptionParser } from "./parsers.ts";

/** Names by commas, each one of those that are known. */
export function listOf(known: readonly string[]): OptionParser<readonly string[]> {
  return (text) => {
    const names = text.split(",").map((name) => name.trim());
    if (names.every((name) => known.includes(name))) return names;
    throw new InvalidArgumentError(`Expected some of ${known.join(",")}.`);
  };
}
