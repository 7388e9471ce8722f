import * as z from "zod";
import { bytesIn, closestOf, fact, hasCode, hoursIn, isTimeZone, MAX_COUNT, msIn } from "../facts/index.ts";
import { parseFilter } from "../selection/index.ts";

/** Units as a rollout's file has them, each read into a number. */

const { readAs } = fact;

/** "150MiB", in whole bytes. */
export const writtenBytes = readAs((text) => bytesIn(text) || undefined, 'a size with its unit, such as "150MiB"');

/** "10min", in whole milliseconds, within bounds that are written the same way. */
export function writtenMs(least: string, most: string): ReturnType<typeof readAs<number>> {
  const [leastMs = 0, mostMs = 0] = [msIn(least), msIn(most)];
  return readAs((text) => {
    const ms = Math.round(msIn(text) ?? -1);
    return ms >= leastMs && ms <= mostMs ? ms : undefined;
  }, `a duration with its unit, such as "10min", from ${least} to ${most}`);
}

const SHARE = 'a share from 0% to 100%, such as "95%"';
/** "95%", as a share from 0 to 1. */
export const writtenShare = readAs(shareIn, SHARE);

/** What "95%" says, 0 to 1; undefined: it is none. */
export function shareIn(text: string): number | undefined {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,4})?) ?%$/u.exec(text.trim()) ?? [];
  const share = Number(digits) / 100;
  return share <= 1 ? share : undefined;
}

/** A share as people write it, "95%". */
export function percentOf(share: number): string {
  return `${Number((100 * share).toFixed(4))}%`;
}

/** A number of devices, or a share of them. */
export type Quantity = { readonly count: number } | { readonly share: number };

const QUANTITY = 'a whole number of devices, or a share of them, such as "10%"';
/** 3, or "10%". */
export const writtenQuantity = z.union(
  [
    fact.whole(0, MAX_COUNT).transform((count): Quantity => ({ count })),
    readAs(shareIn, QUANTITY).transform((share): Quantity => ({ share })),
  ],
  fact.expecting(QUANTITY),
);

/** "22:00-06:00"; it stays as it is written, as documents have it. */
export const writtenHours = readAs(
  (text) => (hoursIn(text) === undefined ? undefined : text),
  'hours of the day, such as "22:00-06:00"',
);

/** Devices by the filter language, on one line. Which groups there are is for those to say who have them. */
export const writtenFilter = z.string(fact.expecting("a filter")).transform((text, { addIssue }) => {
  const filter = text.trim().replaceAll(/\s*\n\s*/gu, " ");
  try {
    parseFilter(filter);
  } catch (thrown) {
    if (!hasCode(thrown, "invalid-argument")) throw thrown;
    const { message, hint } = thrown;
    addIssue({ code: "custom", message: `is not understood: ${message}${hint === undefined ? "" : `\n  ${hint}`}` });
  }
  return filter;
});

/** Addresses longer than this are not written by hand. */
const MAX_URL = 512;

const URL_WORDS = `expected an address such as "https://host/path", up to ${MAX_URL} characters`;

/** An address that is asked. One with a password would be shown to everybody who sees the rollout; errors do not show it. */
export const writtenUrl = z.string(fact.expecting("an address")).superRefine((text, { addIssue }) => {
  const url = text.length <= MAX_URL && URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    addIssue({ code: "custom", message: `is not an address that can be asked; ${URL_WORDS}` });
  else if (url.username !== "" || url.password !== "")
    addIssue({ code: "custom", message: "has a name or a password in it, which everybody would see" });
});

/** Each device's own time zone. */
const OF_DEVICE = "device";

const ZONE = `"${OF_DEVICE}", or a time zone such as "Europe/Berlin"`;

/** "device", or the name of a time zone. */
export const writtenZone = z.string(fact.expecting(ZONE)).superRefine((zone, { addIssue }) => {
  if (zone === OF_DEVICE || isTimeZone(zone)) return;
  const meant = closestOf(zone, Intl.supportedValuesOf("timeZone"));
  const words = meant === undefined ? `expected ${ZONE}` : `did you mean ${meant}?`;
  addIssue({ code: "custom", message: `is not a time zone that is known; ${words}` });
});
