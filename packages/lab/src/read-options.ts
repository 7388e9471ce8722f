import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<Known extends Options> = ReturnType<typeof parseArgs<{ options: Known }>>["values"];

const WRONG_USAGE = 2;

/** Reads a test program's options. Prints its usage, and ends it, for `--help` and for what it does not know. */
export function readOptions<const Known extends Options>(usage: string, options: Known): Values<Known> {
  if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseArgs<{ options: Known }>({ options }).values;
  } catch (thrown) {
    wrongUsage(usage, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** A whole number of 1 or more; ends the program with its usage for anything else. */
export function wholeNumber(usage: string, name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  return wrongUsage(usage, `${name} is ${text}; expected a whole number of 1 or more`);
}

/** Prints a line of a test program's findings. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Aborts when the program is asked to end, by Ctrl-C or by the system. */
export function interrupted(): AbortSignal {
  const ends = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ends.abort());
  return ends.signal;
}

function wrongUsage(usage: string, problem: string): never {
  process.stderr.write(`${problem}\n${usage}\n`);
  process.exit(WRONG_USAGE);
}
