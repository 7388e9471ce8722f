import { consistent, list, shaped } from "./schema.ts";

/** Minutes since midnight, from the first up to the second; over midnight when that is earlier. */
export type Hours = readonly [from: number, to: number];

const HOURS = /^(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/u;
const EXPECTED = 'hours of the day, such as "22:00-06:00"';

/** Hours of the day as people write them, "22:00-06:00"; several ranges. */
export const hoursSchema = list(
  consistent(shaped(HOURS, EXPECTED), (written, refuse) => {
    if (hoursIn(written) === undefined) refuse([], written, EXPECTED);
  }),
  1,
  24,
);

/** What hours say that are written as "22:00-06:00"; undefined: they are none. */
export function hoursIn(written: string): Hours | undefined {
  if (!HOURS.test(written)) return undefined;
  const [from = 0, to = 0] = written.split("-").map((time) => {
    const [hour = 0, minute = 0] = time.split(":").map(Number);
    return hour * 60 + minute;
  });
  return from === to ? undefined : [from, to];
}

const DAY_MINUTES = 1_440;

/** For how many more minutes these hours last at a minute of the day, which need not be whole; 0: it is outside. */
export function minutesLeft(hours: readonly Hours[], minuteOfDay: number): number {
  const left = hours.map(([from, to]) => {
    if (from < to) return minuteOfDay >= from ? to - minuteOfDay : 0;
    return minuteOfDay >= from ? DAY_MINUTES - minuteOfDay + to : to - minuteOfDay;
  });
  return Math.max(0, ...left);
}

/** Whether a minute of the day is within one of these hours. */
export function isWithinHours(hours: readonly Hours[], minuteOfDay: number): boolean {
  return minutesLeft(hours, minuteOfDay) > 0;
}

/** Whether there is a minute of the day that is within both. */
export function hoursMeet(some: readonly Hours[], others: readonly Hours[]): boolean {
  // Where two ranges meet, one of them begins.
  const begins = [...some, ...others].map(([from]) => from);
  return begins.some((minute) => isWithinHours(some, minute) && isWithinHours(others, minute));
}
