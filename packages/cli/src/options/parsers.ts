import { bytesIn, MAX_BATCH, msIn } from "@mpo/core";
import { InvalidArgumentError, Option } from "commander";

/** A reader of one option's text, as commander takes it. It throws what commander prints as a usage error. */
export type OptionParser<Value> = (text: string) => Value;

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionParser<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`;
  return (text) => {
    const value = /^-?\d+$/u.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Expected a whole number ${range}.`);
    return value;
  };
}

/** A number within bounds, both included. */
export function numberBetween(min: number, max: number): OptionParser<number> {
  return (text) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/iu.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`);
    return value;
  };
}

/** `--batch`. A standard in words is one that the command knows. */
export function batchOption(standard: number | string): Option {
  const description = "images in a step (the effective batch)";
  const parse = wholeNumber(1, MAX_BATCH);
  if (typeof standard === "number") return new Option("--batch <n>", description).argParser(parse).default(standard);
  return new Option("--batch <n>", `${description} (default: ${standard})`).argParser(parse);
}

export function microBatchOption(): Option {
  const description = "images at once; must divide the batch (default: the batch)";
  return new Option("--micro-batch <n>", description).argParser(wholeNumber(1, MAX_BATCH));
}

export function threadsOption(): Option {
  const description = "threads inside an operation (default: all cores)";
  return new Option("--threads <n>", description).argParser(wholeNumber(1, 1024));
}

/** Names by commas, each one of those that are known. */
export function listOf<Name extends string>(known: readonly Name[]): OptionParser<readonly Name[]> {
  return (text) => {
    const names = text.split(",").map((part) => known.find((name) => name === part.trim()));
    if (names.every((name) => name !== undefined)) return [...new Set(names)];
    throw new InvalidArgumentError(`Expected some of ${known.join(",")}.`);
  };
}

/** Values with commas between: `12MiB,40MiB`. */
export function listed<Value>(parse: OptionParser<Value>): OptionParser<readonly Value[]> {
  return (text) => text.split(",").map((part) => parse(part.trim()));
}

/** Whole numbers with commas between: `0,3,7`. */
export function wholeNumbers(min: number): OptionParser<readonly number[]> {
  const one = wholeNumber(min);
  return (text) => {
    try {
      return text.split(",").map((part) => one(part.trim()));
    } catch {
      throw new InvalidArgumentError(`Expected whole numbers of ${min} or more with commas between, such as 0,3,7.`);
    }
  };
}

/** A size with its unit, `150MiB` or `1.5 GB`, in bytes. */
export const sizeInBytes: OptionParser<number> = (text) => {
  const bytes = bytesIn(text);
  if (bytes === undefined || bytes < 1) {
    throw new InvalidArgumentError("Expected a size with its unit, such as 150MiB, 1.5GiB or 200MB.");
  }
  return bytes;
};

/** A duration with its unit, `60s` or `15min`, in milliseconds. */
export const durationInMs: OptionParser<number> = (text) => {
  const ms = msIn(text);
  if (ms === undefined || ms < 1) {
    throw new InvalidArgumentError("Expected a duration with its unit, such as 500ms, 60s, 15min or 2h.");
  }
  return ms;
};

const DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)?)?$/u;

/** A moment in milliseconds since 1970-01-01 UTC: an age (`2h`, `30d`), or a date or time, UTC unless it says otherwise. */
export const momentInMs: OptionParser<number> = (text) => {
  const ageMs = msIn(text);
  const hasZone = /(?:Z|[+-]\d\d:\d\d)$/u.test(text) || !text.includes(":");
  const atMs = ageMs === undefined ? Date.parse(hasZone ? text : `${text.replace(" ", "T")}Z`) : Date.now() - ageMs;
  if ((ageMs !== undefined || DATE.test(text)) && atMs >= 0) return Math.round(atMs);
  throw new InvalidArgumentError(
    "Expected an age such as 2h or 30d, or a date such as 2026-03-01 or 2026-03-01T12:00.",
  );
};

/** The same, of at least so many milliseconds; `least` is how that is written. */
export function durationFrom(least: string): OptionParser<number> {
  const leastMs = durationInMs(least);
  return (text) => {
    const ms = durationInMs(text);
    if (ms < leastMs) throw new InvalidArgumentError(`Expected a duration of ${least} or more.`);
    return ms;
  };
}

/** The same, or `0s` for none at all. */
export const durationOrNoneInMs: OptionParser<number> = (text) => (msIn(text) === 0 ? 0 : durationInMs(text));

/** An option for a size with a default, which help shows as it is written here. */
export function sizeOption(flags: string, description: string, standard: string): Option {
  return new Option(flags, description).argParser(sizeInBytes).default(sizeInBytes(standard), standard);
}

/** An option for a duration with a default, which help shows as it is written here. */
export function durationOption(
  flags: string,
  description: string,
  standard: string,
  parse: OptionParser<number> = durationInMs,
): Option {
  return new Option(flags, description).argParser(parse).default(parse(standard), standard);
}
