import { type Clock, withDeadline } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import type { StateStore, StoreUse } from "@mpo/transport";

/** It changes slowly, and each question goes to every stream. */
const FRESH_MS = 10_000;
const DEADLINE_MS = 2_000;

/** How full a store is, asked now or a moment ago; undefined: it does not answer, or it knows no bounds. */
export function recentUse({
  store,
  clock,
  logger,
}: {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
}): (signal: AbortSignal) => Promise<StoreUse | undefined> {
  let held: { readonly use: StoreUse | undefined; readonly atMs: number } | undefined;
  let asking: Promise<StoreUse | undefined> | undefined;
  return async (signal) => {
    if (held !== undefined && clock.monotonicMs() - held.atMs < FRESH_MS) return held.use;
    const ask = async (both: AbortSignal): Promise<StoreUse | undefined> => await store.use?.({ signal: both });
    asking ??= withDeadline("how full the store is", DEADLINE_MS, ask, { clock, signal })
      .catch((err: unknown) => {
        logger.debug("it is not known how full the store is", { err });
        return undefined;
      })
      .then((use) => {
        held = { use, atMs: clock.monotonicMs() };
        return use;
      })
      .finally(() => {
        asking = undefined;
      });
    return await asking;
  };
}
