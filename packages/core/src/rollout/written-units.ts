import * as z from "zod";
import { bytesIn, fact, hoursIn, MAX_COUNT, msIn } from "../facts/index.ts";

/** Units as a rollout's file has them, each read into a number. */

const { readAs } = fact;

/** "150MiB", in whole bytes. */
export const writtenBytes = readAs((text) => bytesIn(text) || undefined, 'a size with its unit, such as "150MiB"');

/** "10min", in milliseconds; 0 is written "0s". */
export const writtenMs = readAs(msIn, 'a duration with its unit, such as "10min"');

/** "95%", as a share from 0 to 1. */
export const writtenShare = readAs(shareIn, 'a share from 0% to 100%, such as "95%"');

/** What "95%" says, 0 to 1; undefined: it is none. */
export function shareIn(text: string): number | undefined {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,4})?) ?%$/u.exec(text.trim()) ?? [];
  const share = Number(digits) / 100;
  return share <= 1 ? share : undefined;
}

/** A number of devices, or a share of them. */
export type Quantity = { readonly count: number } | { readonly share: number };

const QUANTITY = 'a number of devices, or a share of them, such as "10%"';
/** 3, or "10%". */
export const writtenQuantity = z.union(
  [
    fact.whole(0, MAX_COUNT).transform((count): Quantity => ({ count })),
    readAs(shareIn, QUANTITY).transform((share): Quantity => ({ share })),
  ],
  { error: ({ input }) => `is ${JSON.stringify(input)}; expected ${QUANTITY}` },
);

/** "22:00-06:00"; it stays as it is written, as documents have it. */
export const writtenHours = z.string().refine((text) => hoursIn(text) !== undefined, {
  error: ({ input }) => `is ${JSON.stringify(input)}; expected hours of the day, such as "22:00-06:00"`,
});
