import { isTimeZone } from "@mpo/core";

const formats = new Map<string, Intl.DateTimeFormat>();

/** The minute of the day in a zone; undefined: there is none of this name, as of a device with newer zones. */
export function minuteOfDay(zone: string | undefined, atMs: number): number | undefined {
  if (zone === undefined || (!formats.has(zone) && !isTimeZone(zone))) return undefined;
  const [hour = 0, minute = 0] = formatOf(zone).format(atMs).split(":").map(Number);
  return hour * 60 + minute;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: zone,
  });
  formats.set(zone, format);
  return format;
}
