import type { Abortable } from "@mpo/io";

/** One value of a bucket. */
export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Rises with every write of the bucket, over all keys. What `update` compares. */
  readonly revision: number;
  /** The store's clock at the write, milliseconds since 1970-01-01 UTC. */
  readonly storedAtMs: number;
}

/**
 * What a watch yields. First everything that exists, then `caught-up` once, then changes as they are stored, in order.
 * The same change may come more than once: compare revisions. `reset` says that the store went back in time or was
 * replaced: forget everything from this watch; all of it comes again, with another `caught-up`.
 */
export type StoreChange =
  | { readonly kind: "put"; readonly entry: StoreEntry }
  | { readonly kind: "delete"; readonly key: string; readonly revision: number }
  | { readonly kind: "caught-up" }
  | { readonly kind: "reset" };

export interface StreamEvent {
  readonly subject: string;
  readonly value: Uint8Array;
  /** Position in the stream, from 1. Rises over all subjects, with gaps where old events were removed. */
  readonly sequence: number;
  readonly storedAtMs: number;
}

/** What the store takes, and what it may take. */
export interface StoreUse {
  /** By name of the stream; bytes. */
  readonly streams: readonly { readonly name: string; readonly usedBytes: number; readonly limitBytes: number }[];
  /** The servers of a cluster; none: there is one copy. Away: it lacks the newest of some stream. */
  readonly servers: readonly { readonly name: string; readonly isAway: boolean }[];
  /** Free on the disk of the store, where that is on this machine. */
  readonly diskFreeBytes?: number;
}

/** What the servers of a cluster hold, each for itself. */
export interface StoreReplicas {
  /** By name. None: there is one copy. */
  readonly servers: readonly string[];
  /** Those of them that do not hold the newest of some stream. */
  readonly away: readonly string[];
  /** The first entry of each stream and server whose copy is not what most have. */
  readonly differences: readonly {
    readonly stream: string;
    readonly server: string;
    readonly sequence: number;
    /** Whether most copies are the same; else it is not known which is wrong. */
    readonly isCertain: boolean;
  }[];
}

/** Options of every call. Its signal ends the waiting: a write that was sent may still happen. */
export type StoreCallOptions = Abortable;

export interface ReadOptions extends StoreCallOptions {
  /**
   * `confirmed` sees every acknowledged write; in a cluster it costs a small write: for what is shown or decided by itself.
   * `leader` (default) does so too, but for moments after a server that led was stopped or cut off: enough before a
   * compare-and-set. `any` lets any replica answer, possibly with an old value or none; it is the only kind that a device
   * is allowed.
   */
  readonly consistency?: "confirmed" | "leader" | "any";
}

export interface DeleteOptions extends StoreCallOptions {
  /** Delete only this revision; else `conflict`. */
  readonly expectedRevision?: number;
}

export interface WatchOptions {
  /** Keys to watch, with NATS wildcards by dot-separated part (`*` one part, `>` the rest). Default: all. */
  readonly keys?: string;
  /** Ends the watch: the iteration ends without an error. */
  readonly signal: AbortSignal;
}

export interface AppendOptions extends StoreCallOptions {
  /**
   * Name of the event on its subject: sent again with the same name within the stream's `duplicateWindowMs`, it is
   * stored once. Default: a new random name, which only makes this call's own repetitions safe.
   */
  readonly id?: string;
}

export interface Appended {
  readonly sequence: number;
  /** Whether it was there already. */
  readonly isDuplicate: boolean;
}

export interface ReadEventsOptions extends StoreCallOptions {
  /** First sequence of interest. Default 1. */
  readonly from?: number;
  /** Subject, with NATS wildcards. Default: all. */
  readonly subject?: string;
  /** Most events to return, the oldest first. Default 1000. */
  readonly limit?: number;
}

export interface FollowOptions {
  /** First sequence of interest. Default 1: everything that is kept. */
  readonly from?: number;
  /** Subject, with NATS wildcards. Default: all. */
  readonly subject?: string;
  /** Ends it: the iteration ends without an error. */
  readonly signal: AbortSignal;
}

/**
 * The one place where coordinators keep state: buckets of keys with compare-and-set, and append-only streams. Values are
 * bytes. Two implementations: JetStream, and the simulation's in-memory model which misbehaves in the same ways.
 *
 * What a write's outcome means, for every method that writes:
 * - it returns: the write is stored, on disk, and no crash takes it back;
 * - `conflict`: the revision was not the expected one; this write did not happen and never will;
 * - `timed-out`, `unavailable`, `cancelled`: UNKNOWN. It may have happened, and it may still happen. Never report it as
 *   done nor as not done: read the key again (`leader`) and decide from what is there. The implementations have done so
 *   several times before they give up;
 * - `invalid-argument`: refused before it was sent (no such bucket, bad key, too long); `over-budget`: the bucket is full.
 *
 * There is no transaction over two keys: make each step a compare-and-set of one key, and safe to repeat.
 * Why it is so, and what JetStream does not promise: deploy/decisions/4-jetstream-with-fences.md.
 */
export interface StateStore {
  /** The newest value of a key; undefined when there is none, or it was deleted or has expired. */
  get(bucket: string, key: string, options?: ReadOptions): Promise<StoreEntry | undefined>;
  /** Writes whatever was there. Returns the new revision. */
  put(bucket: string, key: string, value: Uint8Array, options?: StoreCallOptions): Promise<number>;
  /** Writes a key that is not there; else `conflict`. Returns the revision. One of many racers wins. */
  create(bucket: string, key: string, value: Uint8Array, options?: StoreCallOptions): Promise<number>;
  /** Writes a key whose newest revision is `expectedRevision`; else `conflict`. Returns the new revision. */
  update(
    bucket: string,
    key: string,
    value: Uint8Array,
    expectedRevision: number,
    options?: StoreCallOptions,
  ): Promise<number>;
  /** Marks a key as deleted, whether or not it was there. Watches report it. */
  delete(bucket: string, key: string, options?: DeleteOptions): Promise<void>;
  /** All keys that exist, sorted. `keys` as in `WatchOptions`. */
  keys(bucket: string, options?: StoreCallOptions & { readonly keys?: string }): Promise<readonly string[]>;
  /** See `StoreChange`. Continues after a lost connection; ends only by its signal or `close`. */
  watch(bucket: string, options: WatchOptions): AsyncIterable<StoreChange>;

  /** Adds an event to a stream. */
  append(stream: string, subject: string, value: Uint8Array, options?: AppendOptions): Promise<Appended>;
  /** Events that are stored now, in order. */
  read(stream: string, options?: ReadEventsOptions): Promise<readonly StreamEvent[]>;
  /**
   * Events from a sequence on, in order, stored ones and new ones as they come; each at least once. Continues
   * after the connection was lost; ends only by its signal or `close`.
   */
  follow(stream: string, options: FollowOptions): AsyncIterable<StreamEvent>;

  /** Reserves what there is for buckets and streams now: some are full. Absent: nothing is reserved. */
  reserve?(options: StoreCallOptions): Promise<void>;
  /** How full it is. Absent: it knows no bounds. */
  use?(options: StoreCallOptions): Promise<StoreUse>;
  /** Compares the copies that its servers hold. Absent: there is one. */
  replicas?(options: StoreCallOptions): Promise<StoreReplicas>;
  /** Ends all watches and lets go of the connection if it is the store's own. Calls after it are `unavailable`. */
  close(): Promise<void>;
}
