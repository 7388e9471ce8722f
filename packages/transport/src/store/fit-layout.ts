import { formatBytes, MpoError } from "@mpo/core";
import { bucketStream, type StoreLayout } from "./store-layout.ts";

const MIB = 2 ** 20;

/** What the disk of a new store must have free. `mpo doctor` and the guides name this number. */
export const STORE_NEEDS_BYTES: number = 256 * MIB;

/** The rest is for indexes, the server's log, and writes that replace others. */
const STORE_SHARE = 0.9;
/** No stream gets less: the largest values find room, each many times. */
const LEAST_BYTES = 8 * MIB;

/** A disk, and what streams hold on it already. */
export interface StoreDisk {
  readonly folder: string;
  readonly freeBytes: number;
  /** By name of the stream; empty: the store is new. */
  readonly heldBytes: ReadonlyMap<string, number>;
}

/**
 * A layout whose streams together take no more than the disk has: each its part of what is there, at most what the
 * layout says, never less than it holds already. Throws `unavailable` when a new store does not find what it needs; one
 * that exists continues with what there is.
 */
export function fitLayout(layout: StoreLayout, { folder, freeBytes, heldBytes }: StoreDisk): StoreLayout {
  if (heldBytes.size === 0 && freeBytes < STORE_NEEDS_BYTES) {
    throw new MpoError(
      "unavailable",
      `a new store needs ${formatBytes(STORE_NEEDS_BYTES)} free on the disk of ${folder}; it has ${formatBytes(freeBytes)}`,
      { hint: `Free ${formatBytes(STORE_NEEDS_BYTES - freeBytes)} there, or put --data on another disk.` },
    );
  }
  const all = [...layout.buckets, ...layout.streams];
  const wantedBytes = all.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
  const held = [...heldBytes.values()].reduce((sum, each) => sum + each, 0);
  const share = Math.max(0, STORE_SHARE * (freeBytes + held) - all.length * LEAST_BYTES) / wantedBytes;
  const fit = (maxBytes: number, stream: string): { readonly maxBytes: number } => {
    const least = Math.max(LEAST_BYTES, (heldBytes.get(stream) ?? 0) + MIB);
    return { maxBytes: Math.min(maxBytes, Math.max(least, LEAST_BYTES + Math.floor(share * maxBytes))) };
  };
  return {
    buckets: layout.buckets.map((each) => ({ ...each, ...fit(each.maxBytes, bucketStream(each.name)) })),
    streams: layout.streams.map((each) => ({ ...each, ...fit(each.maxBytes, each.name) })),
  };
}
