import { BUCKETS, type StateStore } from "@mpo/transport";
import type { RolloutHistory } from "./rollout-history.ts";

/** Follows what is stored of rollouts, until the signal aborts. `onRecord`: of a rollout of this name. */
export async function followRollouts(
  store: StateStore,
  history: RolloutHistory,
  signal: AbortSignal,
  onRecord: (name: string) => void = () => undefined,
): Promise<void> {
  const follow = async (bucket: string): Promise<void> => {
    for await (const change of store.watch(bucket, { signal })) {
      if (change.kind !== "put") continue;
      const { key, value } = change.entry;
      history.stored({ subject: `$KV.${bucket}.${key}`, value });
      if (bucket === BUCKETS.rollout) onRecord(key.split(".")[1] ?? "");
    }
  };
  await Promise.all([BUCKETS.rollout, BUCKETS.rolloutPart, BUCKETS.desired].map(follow));
}
