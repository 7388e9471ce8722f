import { formatBytes, MIB, MpoError } from "@mpo/core";
import { bucketStream, type StoreLayout } from "./store-layout.ts";

/** What the disk of a new store must have free. `mpo doctor` and the guides name this number. */
export const STORE_NEEDS_BYTES: number = 256 * MIB;

/** The rest is for indexes, the server's log, and writes that replace others. */
const STORE_SHARE = 0.9;
/** No stream gets less: the largest values find room, each many times. */
const LEAST_BYTES = 8 * MIB;

/** What streams may take together, and what they hold already. */
export interface StoreRoom {
  readonly roomBytes: number;
  /** By name of the stream; empty: the store is new. */
  readonly heldBytes: ReadonlyMap<string, number>;
}

/**
 * A layout whose streams together take no more than there is: each its part, at most what the layout says, never less
 * than it holds already.
 */
export function fitLayout(layout: StoreLayout, { roomBytes, heldBytes }: StoreRoom): StoreLayout {
  const { count, wantedBytes } = sizeOf(layout);
  const share = Math.max(0, STORE_SHARE * roomBytes - count * LEAST_BYTES) / wantedBytes;
  return withSizes(layout, (stream, maxBytes) => {
    const least = Math.max(LEAST_BYTES, (heldBytes.get(stream) ?? 0) + MIB);
    return Math.min(maxBytes, Math.max(least, LEAST_BYTES + Math.floor(share * maxBytes)));
  });
}

/** A layout with sizes of one's own, by name of the stream and its size in the layout. */
export function withSizes(layout: StoreLayout, size: (stream: string, maxBytes: number) => number): StoreLayout {
  return {
    buckets: layout.buckets.map((each) => ({ ...each, maxBytes: size(bucketStream(each.name), each.maxBytes) })),
    streams: layout.streams.map((each) => ({ ...each, maxBytes: size(each.name, each.maxBytes) })),
  };
}

/** The room in which a layout is as large as it says. */
export function fullRoom(layout: StoreLayout): number {
  const { count, wantedBytes } = sizeOf(layout);
  return Math.ceil((wantedBytes + count * LEAST_BYTES) / STORE_SHARE);
}

function sizeOf({ buckets, streams }: StoreLayout): { readonly count: number; readonly wantedBytes: number } {
  const all = [...buckets, ...streams];
  return { count: all.length, wantedBytes: all.reduce((sum, { maxBytes }) => sum + maxBytes, 0) };
}

/** A disk, and what streams hold on it already. */
export interface StoreDisk {
  readonly folder: string;
  readonly freeBytes: number;
  readonly heldBytes: ReadonlyMap<string, number>;
}

/**
 * The room on a disk. Throws `unavailable` when a new store does not find what it needs; one that exists continues with
 * what there is.
 */
export function roomOn({ folder, freeBytes, heldBytes }: StoreDisk): StoreRoom {
  if (heldBytes.size === 0 && freeBytes < STORE_NEEDS_BYTES) {
    throw new MpoError(
      "unavailable",
      `a new store needs ${formatBytes(STORE_NEEDS_BYTES)} free on the disk of ${folder}; it has ${formatBytes(freeBytes)}`,
      { hint: `Free ${formatBytes(STORE_NEEDS_BYTES - freeBytes)} there, or put --data on another disk.` },
    );
  }
  return { roomBytes: freeBytes + [...heldBytes.values()].reduce((sum, each) => sum + each, 0), heldBytes };
}
