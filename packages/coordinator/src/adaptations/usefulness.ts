import { NEAR_DISTANCE, signatureDistance } from "@mpo/core";
import type { KeptAdaptation } from "./adaptation-record.ts";

/** What is kept of one model of a tenant. */
export const MOST_OF_MODEL = 64;
export const MOST_BYTES_OF_MODEL = 4 * 2 ** 20;
/** What is kept of all: in base64 it fits the bucket, which is never full then. */
export const MOST_BYTES = 64 * 2 ** 20;
/** What is kept of one device, of all its models: so no device fills a reservoir, whatever it says of itself. */
export const MOST_OF_DEVICE = 8;

const DAY_MS = 86_400_000;
/** Drifts come with weather and seasons: what was learned a month ago counts half. */
const HALF_LIFE_MS = 30 * DAY_MS;
/** So many other devices have to refuse it before it is no longer offered: one alone could speak against all. */
const REFUSALS = 2;

/** How many other devices say that it has helped, and how many that it has not. */
export function verdictsOn({ trials }: KeptAdaptation): { readonly helped: number; readonly refused: number } {
  const helped = trials.filter(({ hasHelped }) => hasHelped).length;
  return { helped, refused: trials.length - helped };
}

/** Whether it is given to devices: not when several have refused it, and more than it has helped. */
export function isOffered(kept: KeptAdaptation): boolean {
  const { helped, refused } = verdictsOn(kept);
  return refused < REFUSALS || refused <= helped;
}

/**
 * Those of a tenant that have to go so that the rest fits, the least useful first. Useful is what has brought much accuracy, lately, on
 * inputs that no better one answers, and has helped others. Gains are what devices say: `MOST_OF_DEVICE` bounds the harm.
 */
export function leastUseful(
  all: readonly KeptAdaptation[],
  nowMs: number,
  mostBytes: number = MOST_BYTES,
): readonly KeptAdaptation[] {
  let rest = all;
  const gone: KeptAdaptation[] = [];
  const drop = (least: KeptAdaptation): void => {
    gone.push(least);
    rest = rest.filter((one) => one !== least);
  };
  for (const device of new Set(all.map((one) => one.device))) {
    const own = (): readonly KeptAdaptation[] => rest.filter((one) => one.device === device);
    while (own().length > MOST_OF_DEVICE) drop(leastOf(own(), nowMs));
  }
  for (const model of new Set(all.map(modelOf))) {
    const alike = (): readonly KeptAdaptation[] => rest.filter((one) => modelOf(one) === model);
    while (alike().length > MOST_OF_MODEL || bytesOf(alike()) > MOST_BYTES_OF_MODEL) drop(leastOf(alike(), nowMs));
  }
  while (rest.length > 0 && bytesOf(rest) > mostBytes) drop(leastOf(rest, nowMs));
  return gone;
}

/** Of which model, as it was deployed. */
export function modelOf({ model, manifestDigest }: Pick<KeptAdaptation, "model" | "manifestDigest">): string {
  return `${model} ${manifestDigest}`;
}

function leastOf(all: readonly KeptAdaptation[], nowMs: number): KeptAdaptation {
  const merits = new Map(all.map((one) => [one, meritOf(one, nowMs)]));
  const merit = (one: KeptAdaptation): number => merits.get(one) ?? 0;
  const usefulness = (one: KeptAdaptation): number => {
    const better = all.filter((other) => modelOf(other) === modelOf(one) && merit(other) > merit(one));
    const distances = better.map((other) => signatureDistance(one.signature, other.signature));
    return merit(one) * Math.min(1, Math.min(...distances) / NEAR_DISTANCE);
  };
  return all.reduce((least, one) => (usefulness(one) < usefulness(least) ? one : least));
}

function meritOf(one: KeptAdaptation, nowMs: number): number {
  const { helped, refused } = verdictsOn(one);
  const age = Math.max(0, nowMs - one.receivedAtMs) / HALF_LIFE_MS;
  return ((one.accuracyAfter - one.accuracyBefore) * 2 ** -age * (1 + helped)) / (1 + refused);
}

export function bytesOf(all: readonly KeptAdaptation[]): number {
  return all.reduce((sum, { bytes }) => sum + bytes, 0);
}
