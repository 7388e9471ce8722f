import * as z from "zod";
import { bytesIn, fact, MAX_COUNT, msIn } from "../facts/index.ts";

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

const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24(?=:00)):([0-5]\d)$/u;

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

/** Minutes since midnight, from the first up to the second; over midnight when that is earlier. */
export type Hours = readonly [from: number, to: number];

/** What "22:00-06:00" says; undefined: it is none. */
function hoursIn(written: string): Hours | undefined {
  const [, ...parts] = CLOCK.exec(written) ?? [];
  if (parts.length === 0) return undefined;
  const [fromHour, fromMinute, toHour, toMinute] = parts.map(Number) as [number, number, number, number];
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  return from === to ? undefined : [from, to];
}

/** "22:00-06:00". */
export const writtenHours = readAs(hoursIn, 'hours of the day, such as "22:00-06:00"');

/** Whether a minute of the day lies within some hours; without any, all do. */
export function isWithin(hours: readonly (readonly number[])[], minute: number): boolean {
  return (
    hours.length === 0 ||
    hours.some(([from = 0, to = 0]) => (from < to ? minute >= from && minute < to : minute >= from || minute < to))
  );
}
