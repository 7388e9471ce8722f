import { MpoError } from "@mpo/core";

/** One key-value bucket. */
export interface BucketSettings {
  /** Letters, digits, `_`, `-`. */
  readonly name: string;
  /** Revisions kept per key, 1 to 64. */
  readonly history: number;
  /** Longest value; a longer one is refused before it is sent. */
  readonly maxValueBytes: number;
  /** What the whole bucket may take on disk. When it is full, writes are refused: nothing is thrown away. */
  readonly maxBytes: number;
  /**
   * Whether any replica may answer a read ("direct get"), possibly with an old value. Devices read their documents so;
   * control buckets (leases, identities) must not allow it.
   */
  readonly allowDirect: boolean;
  /** Every stored write is sent again on a plain subject, by NATS subject mapping: `$KV.desired.>` to `dn.>`. */
  readonly republish?: { readonly src: string; readonly dest: string };
}

/** One append-only stream of events. */
export interface StreamSettings {
  /** Letters, digits, `_`, `-`. */
  readonly name: string;
  /** Subjects that it stores, NATS wildcards allowed: `pf.>`. No two streams may overlap. */
  readonly subjects: readonly string[];
  readonly maxValueBytes: number;
  /** What the whole stream may take on disk. When it is full, new events are refused. */
  readonly maxBytes: number;
  /** Events older than this are removed. Absent: kept. */
  readonly maxAgeMs?: number;
  /** How long an event's id is remembered, so that the same event sent again is stored once. */
  readonly duplicateWindowMs: number;
  /** Whether no event may ever be removed by hand (audit). */
  readonly isPermanent: boolean;
}

/** Everything that a store holds, by name. The fleet's is `FLEET_LAYOUT`. */
export interface StoreLayout {
  readonly buckets: readonly BucketSettings[];
  readonly streams: readonly StreamSettings[];
}

/** The subject of a key, as JetStream's key-value store has it (NATS ADR-8). */
export function keySubject(bucket: string, key: string): string {
  return `$KV.${bucket}.${key}`;
}

/** The stream of a bucket, as JetStream's key-value store names it (NATS ADR-8). */
export function bucketStream(bucket: string): string {
  return `KV_${bucket}`;
}

/** The settings of a bucket. Throws `invalid-argument` when the layout has none of this name. */
export function bucketOf(layout: StoreLayout, name: string): BucketSettings {
  const found = layout.buckets.find((bucket) => bucket.name === name);
  if (found !== undefined) return found;
  throw unknownName("bucket", name, layout.buckets);
}

/** The settings of a stream. Throws `invalid-argument` when the layout has none of this name. */
export function streamOf(layout: StoreLayout, name: string): StreamSettings {
  const found = layout.streams.find((stream) => stream.name === name);
  if (found !== undefined) return found;
  throw unknownName("stream", name, layout.streams);
}

function unknownName(what: string, name: string, known: readonly { readonly name: string }[]): MpoError {
  const names = known.map((each) => each.name).join(", ");
  return new MpoError("invalid-argument", `the store's layout has no ${what} ${name}; it has ${names}`);
}
