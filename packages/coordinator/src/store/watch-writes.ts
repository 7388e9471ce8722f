import { hasCode, MpoError } from "@mpo/core";
import { isTransient } from "@mpo/runtime";
import type { StateStore } from "@mpo/transport";

/** Who hears of writes; places are names of buckets and streams. */
export interface WriteWatcher {
  /** What it throws keeps the write from being tried. */
  readonly before: () => void;
  readonly taken: (place: string) => void;
  /** `isFull`: by this place alone; others may take writes. */
  readonly refused: (place: string, error: MpoError, isFull: boolean) => void;
}

/** A store whose writes are seen. A bucket that is full is an outage to callers, as a full disk is: later it may do. */
export function watchWrites(store: StateStore, { before, taken, refused }: WriteWatcher): StateStore {
  const watch = async <Result>(place: string, write: () => Promise<Result>): Promise<Result> => {
    try {
      before();
      const result = await write();
      taken(place);
      return result;
    } catch (thrown) {
      const isFull = hasCode(thrown, "over-budget");
      const error = isFull ? full(place, thrown) : thrown;
      if (isTransient(error)) refused(place, MpoError.from(error), isFull);
      throw error;
    }
  };
  return {
    get: (...args) => store.get(...args),
    keys: (...args) => store.keys(...args),
    watch: (...args) => store.watch(...args),
    read: (...args) => store.read(...args),
    follow: (...args) => store.follow(...args),
    close: () => store.close(),
    put: (...args) => watch(args[0], () => store.put(...args)),
    create: (...args) => watch(args[0], () => store.create(...args)),
    update: (...args) => watch(args[0], () => store.update(...args)),
    delete: (...args) => watch(args[0], () => store.delete(...args)),
    append: (...args) => watch(args[0], () => store.append(...args)),
  };
}

function full(place: string, cause: MpoError): MpoError {
  return new MpoError("unavailable", `${place} of the store is full: ${cause.message}`, {
    cause,
    hint: "Free disk space where the coordinator's data lies, or raise the limits of its NATS account: it reserves more within seconds.",
  });
}
