import { type EntryPlace, isConflict, type StoreContext } from "./change-entry.ts";

/**
 * Writes a value in the place of one of a revision; undefined: there is none. A write whose answer was lost is looked up, so
 * that it counts once. Throws `conflict` when another took that place first.
 */
export async function writeInPlace(
  { store }: Pick<StoreContext, "store">,
  { bucket, key, ...call }: EntryPlace,
  value: Uint8Array,
  expectedRevision: number | undefined,
): Promise<number> {
  try {
    return expectedRevision === undefined
      ? await store.create(bucket, key, value, call)
      : await store.update(bucket, key, value, expectedRevision, call);
  } catch (thrown) {
    if (isConflict(thrown)) throw thrown;
    const stored = await store.get(bucket, key, call);
    if (stored !== undefined && Buffer.from(stored.value).equals(value)) return stored.revision;
    throw thrown;
  }
}
