import { fact } from "@mpo/core";
import * as z from "zod";
import { plainSchema } from "../mapping.ts";
import { ruleOf } from "./values.ts";

/** A value that takes as many bytes as a schema allows; each name in it is another one. */
export function largestOf(schema: z.ZodType): unknown {
  let names = 0;
  /** Of each union, the longest of its kinds. */
  const longest = new Map<z.core.$ZodType, z.core.$ZodType>();
  const largest = (one: z.core.$ZodType): unknown => {
    const plain = plainSchema(one);
    if (plain instanceof z.ZodObject) {
      return Object.fromEntries(Object.entries(plain.shape).map(([key, inner]) => [key, largest(inner)]));
    }
    if (plain instanceof z.ZodArray) {
      const { maximum = 0 } = ruleOf(plain, "max_length");
      return Array.from({ length: maximum }, () => largest(plain.element));
    }
    if (plain instanceof z.ZodNumber) return plain.maxValue;
    if (plain instanceof z.ZodBoolean) return true;
    if (plain instanceof z.ZodEnum) return plain.options[0];
    if (plain instanceof z.ZodLiteral) return plain.value;
    if (plain instanceof z.ZodDiscriminatedUnion) {
      const lengthOf = (option: z.core.$ZodType): number => JSON.stringify(largest(option)).length;
      const option = longest.get(plain) ?? plain.options.toSorted((a, b) => lengthOf(b) - lengthOf(a))[0];
      longest.set(plain, option as z.core.$ZodType);
      return largest(option as z.core.$ZodType);
    }
    const { max } = fact.LENGTHS.get(plain as z.ZodType) ?? {};
    // For one character of UTF-16, UTF-8 takes three bytes at most. A name may have the digits of a digest.
    return max === undefined ? String(names++).padStart(64, "0") : "\u20ac".repeat(max);
  };
  return largest(schema);
}
