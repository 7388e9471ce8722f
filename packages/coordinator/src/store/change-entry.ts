import { hasCode, MpoError } from "@mpo/core";
import type { Abortable, Clock } from "@mpo/io";
import { backOffSchedule, isTransient, type Logger, retry } from "@mpo/runtime";
import type { StateStore, StoreEntry } from "@mpo/transport";

/** What the parts of a coordinator stand on. */
export interface StoreContext {
  readonly store: StateStore;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly logger: Logger;
  /**
   * Resolves for one after the other, each in a turn of the event loop of its own: before what takes milliseconds, so that of
   * many that come at once none holds up the others. Default: at once.
   */
  readonly ownTurn?: (() => Promise<void>) | undefined;
}

/** What a change makes of a value: something to write (`value`), or nothing. */
export interface Changed<Result> {
  /** Absent: what is there is right already. */
  readonly value?: Uint8Array;
  readonly result: Result;
}

export interface ChangeOutcome<Result> {
  readonly result: Result;
  /** Revision of the value as it is now; 0: there is none. */
  readonly revision: number;
}

/** Where the value is, and how to wait. */
export interface EntryPlace extends Abortable {
  readonly bucket: string;
  readonly key: string;
}

/** More racers than this on one device's key are not a race any more. */
const WAITS = { baseMs: 20, capMs: 1000, waits: 12 } as const;

/**
 * Reads a value, changes it, and writes it if no other write came in between; otherwise begins again. `change` may run
 * more than once and sees its own write when the answer to it was lost: it must recognise it and ask for no other.
 * Throws what `change` throws, and `unavailable` or `timed-out` when the store did not answer: then it is unknown whether
 * the change happened.
 */
export async function changeEntry<Result>(
  { store, clock, random }: Omit<StoreContext, "logger">,
  { bucket, key, signal }: EntryPlace,
  change: (current: StoreEntry | undefined) => Changed<Result>,
): Promise<ChangeOutcome<Result>> {
  const call = { signal };
  const schedule = backOffSchedule({ ...WAITS, random });
  return await retry(
    async () => {
      const current = await store.get(bucket, key, call);
      const { value, result } = change(current);
      if (value === undefined) return { result, revision: current?.revision ?? 0 };
      const written =
        current === undefined
          ? store.create(bucket, key, value, call)
          : store.update(bucket, key, value, current.revision, call);
      const revision = await written.catch((thrown: unknown) => {
        // A refusal of the store must not be taken for one of `change`, which must not be repeated.
        throw isConflict(thrown) ? new StoreConflict(thrown) : thrown;
      });
      return { result, revision };
    },
    { ...call, schedule, clock, isRetryable: (thrown) => isTransient(thrown) || thrown instanceof StoreConflict },
  );
}

/** Whether an error says that another write came first. */
export function isConflict(thrown: unknown): thrown is MpoError {
  return hasCode(thrown, "conflict");
}

class StoreConflict extends MpoError {
  constructor(cause: MpoError) {
    super("unavailable", `others change the same value all the time: ${cause.message}`, { cause });
  }
}
