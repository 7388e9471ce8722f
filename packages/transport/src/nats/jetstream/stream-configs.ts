import { DiscardPolicy, nanos, type Republish, RetentionPolicy, StorageType, type StreamConfig } from "nats";
import {
  type BucketSettings,
  bucketStream,
  keySubject,
  type StoreLayout,
  type StreamSettings,
} from "../../store/store-layout.ts";

/** JetStream's settings of one stream; what is absent here is JetStream's default. */
export type StreamPlan = Partial<StreamConfig> & { readonly name: string; readonly subjects: string[] };

/** Headers count against a stream's `max_msg_size`; ours take less than this. */
const HEADER_BYTES = 1024;
const BUCKET_DUPLICATE_WINDOW_MS = 120_000;

/** The streams of a layout, in JetStream's words. */
export function streamPlans(layout: StoreLayout, replicas: number): readonly StreamPlan[] {
  return [
    ...layout.buckets.map((bucket) => bucketPlan(bucket, replicas)),
    ...layout.streams.map((stream) => eventPlan(stream, replicas)),
  ];
}

function bucketPlan(bucket: BucketSettings, replicas: number): StreamPlan {
  const { name, history, maxBytes, maxValueBytes, allowDirect, republish } = bucket;
  return {
    ...common(replicas, maxValueBytes, maxBytes),
    name: bucketStream(name),
    subjects: [keySubject(name, ">")],
    max_msgs_per_subject: history,
    duplicate_window: nanos(BUCKET_DUPLICATE_WINDOW_MS),
    allow_direct: allowDirect,
    // The library demands `headers_only`; absent means false to the server.
    ...(republish === undefined ? {} : { republish: { ...republish, headers_only: false } as Republish }),
  };
}

function eventPlan(stream: StreamSettings, replicas: number): StreamPlan {
  const { name, subjects, maxBytes, maxValueBytes, maxAgeMs } = stream;
  return {
    ...common(replicas, maxValueBytes, maxBytes),
    name,
    subjects: [...subjects],
    duplicate_window: nanos(stream.duplicateWindowMs),
    deny_purge: stream.isPermanent,
    allow_direct: false,
    ...(maxAgeMs === undefined ? {} : { max_age: nanos(maxAgeMs) }),
  };
}

function common(replicas: number, maxValueBytes: number, maxBytes: number): Partial<StreamConfig> {
  return {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: replicas,
    max_msg_size: maxValueBytes + HEADER_BYTES,
    max_bytes: maxBytes,
    discard: DiscardPolicy.New,
    deny_delete: true,
    allow_rollup_hdrs: false,
  };
}
