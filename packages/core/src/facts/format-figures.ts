import type { AccuracyPrediction } from "./prediction.ts";

const SECONDS_IN_MINUTE = 60;
const MINUTES_IN_HOUR = 60;
const HOURS_IN_DAY = 24;
/** Longer is said in days. */
const DAYS_FROM_HOURS = 72;

/** `42 s`, `3 min 05 s`, `2 h 10 min`, `7 d`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / SECONDS_IN_MINUTE);
  if (minutes === 0) return `${whole} s`;
  const hours = Math.floor(minutes / MINUTES_IN_HOUR);
  if (hours === 0) return `${minutes} min ${String(whole % SECONDS_IN_MINUTE).padStart(2, "0")} s`;
  if (hours >= DAYS_FROM_HOURS) return `${Math.round(hours / HOURS_IN_DAY)} d`;
  return `${hours} h ${String(minutes % MINUTES_IN_HOUR).padStart(2, "0")} min`;
}

/** A share from 0 to 1 as `91.3 %`. */
export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A predicted accuracy with its interval, or `guess`: `65.4 % (53.8 to 77.0)`. */
export function formatAccuracy({ expected, lower, upper, isGuess }: AccuracyPrediction): string {
  return isGuess ? "guess" : `${formatShare(expected)} (${formatInterval(lower, upper)})`;
}

/** `53.8 to 77.0`, in percent. */
export function formatInterval(lower: number, upper: number): string {
  return `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)}`;
}

/** A difference of two shares in points: `+3.1`, `-0.4`. */
export function formatPoints(difference: number): string {
  const points = (100 * difference).toFixed(1);
  return difference >= 0 ? `+${points}` : points;
}

const AGE_UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** How long ago something was: `3 s ago`, `5 min ago`, `2 d ago`. What a faster clock puts into the future is `0 s ago`. */
export function formatAge(ageMs: number): string {
  const [unit, unitMs] = AGE_UNITS.find(([, ms]) => ageMs >= ms) ?? ["s", 1000];
  return `${Math.floor(Math.max(0, ageMs) / unitMs)} ${unit} ago`;
}

/** How long something may still take, rounded up: `40 s`, `2 min`. */
export function formatLeft(ms: number): string {
  return ms <= 60_000 ? `${Math.ceil(ms / 1000)} s` : `${Math.ceil(ms / 60_000)} min`;
}

/** Milliseconds as people read them: `0.42 ms`, `131 ms`, `4.2 s`, `3 min 05 s`. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : formatDuration(ms / 1000);
}

/** A moment as people read it: `2026-03-01 10:15:02`, UTC. */
export function formatMoment(atMs: number): string {
  return new Date(atMs).toISOString().replace("T", " ").slice(0, 19);
}

/** `1 device`, `3 devices`, `10,000 devices`. */
export function counted(count: number, one: string = "device", many: string = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
