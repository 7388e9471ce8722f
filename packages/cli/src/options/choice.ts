import { Option } from "commander";

/** An option whose value is one of a few names; help lists them, and any other is a usage error. */
export function choice(flags: string, description: string, names: readonly string[], standard?: string): Option {
  const option = new Option(flags, description).choices(names);
  return standard === undefined ? option : option.default(standard);
}
