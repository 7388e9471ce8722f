import { isDeepStrictEqual } from "node:util";
import { hasCode, MpoError } from "@mpo/core";
import { type Authority, epochOf, unwrapAuthority, wrapAuthority } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import { BUCKETS, type StateStore } from "@mpo/transport";
import { changedMeanwhile } from "./authority-folder.ts";

const WRAPPED = "wrapped";
const FLEET = "fleet";

/**
 * The authority that a store's coordinators share: with a wrapping key, the one in the store, where `own` is put if there is
 * none yet; without, `own`. Throws `precondition-failed` when `own` is not of the store's fleet.
 */
export async function sharedAuthority(
  store: StateStore,
  own: Authority,
  wrappingKey: Uint8Array | undefined,
  options: Abortable = {},
): Promise<Authority> {
  const fleet = Buffer.from(await firstIn(store, FLEET, Buffer.from(own.fleetId), options)).toString();
  if (fleet !== own.fleetId) {
    throw new MpoError(
      "precondition-failed",
      `this store is of ${fleet}, and the authority in the folder is of ${own.fleetId}`,
      { hint: "Put back the authority's folder of that fleet, or mount the one that its other coordinators use." },
    );
  }
  if (wrappingKey === undefined) return own;
  const stored = unwrapAuthority(await firstIn(store, WRAPPED, wrapAuthority(own, wrappingKey), options), wrappingKey);
  if (epochOf(own) <= epochOf(stored)) return stored;
  // An older copy of the store was put back, and devices believe no earlier keys.
  await store.put(BUCKETS.authority, WRAPPED, wrapAuthority(own, wrappingKey), options);
  return own;
}

/** The authority in the store, for a coordinator that has none yet. */
export async function storedAuthority(
  store: StateStore,
  wrappingKey: Uint8Array,
  options: Abortable = {},
): Promise<Authority> {
  const entry = await store.get(BUCKETS.authority, WRAPPED, options).catch((thrown: unknown) => {
    // The first coordinator makes the streams.
    if (!hasCode(thrown, "not-found")) throw thrown;
  });
  if (entry !== undefined) return unwrapAuthority(entry.value, wrappingKey);
  throw new MpoError("precondition-failed", "the store holds no authority yet, and there is none in the folder", {
    hint: "Start another coordinator first: with --authority-key, and the folder that `mpo nats setup` has written.",
  });
}

/** Puts an authority in the place of the one that it was made from. Throws `conflict` when that is no longer there. */
export async function replaceInStore(
  store: StateStore,
  before: Authority,
  next: Authority,
  wrappingKey: Uint8Array,
): Promise<void> {
  const entry = await store.get(BUCKETS.authority, WRAPPED);
  const isAsBefore = entry !== undefined && isDeepStrictEqual(unwrapAuthority(entry.value, wrappingKey), before);
  if (!isAsBefore) throw changedMeanwhile();
  try {
    await store.update(BUCKETS.authority, WRAPPED, wrapAuthority(next, wrappingKey), entry.revision);
  } catch (thrown) {
    throw hasCode(thrown, "conflict") ? changedMeanwhile() : thrown;
  }
}

/** Authorities that are put in the store, as they are there, until the signal aborts. */
export async function* wrappedAuthorities(
  store: StateStore,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const change of store.watch(BUCKETS.authority, { keys: WRAPPED, signal })) {
    if (change.kind === "put") yield change.entry.value;
  }
}

/** A value that is stored; `own` where it is the first. */
async function firstIn(store: StateStore, key: string, own: Uint8Array, options: Abortable): Promise<Uint8Array> {
  for (;;) {
    const entry = await store.get(BUCKETS.authority, key, options);
    if (entry !== undefined) return entry.value;
    try {
      await store.create(BUCKETS.authority, key, own, options);
      return own;
    } catch (thrown) {
      if (!hasCode(thrown, "conflict")) throw thrown;
    }
  }
}
