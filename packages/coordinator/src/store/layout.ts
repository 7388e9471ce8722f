import { GIB } from "@mpo/core";
import { BUCKETS, LIMITS } from "@mpo/protocol";
import { type BucketSettings, FLEET_LAYOUT, STREAMS, type StoreLayout } from "@mpo/transport";

/** Buckets that coordinators keep for themselves, beside those that `@mpo/protocol` names. */
export const OWN_BUCKETS = {
  /** Newest profile of each device and model, with the names of the reports that were stored. Key: device key, model. */
  profile: "profile",
  /** Chains by the SHA-256 of their bytes. Written once. */
  chain: "chain",
  /** What became of documents and windows, by device. */
  status: "status",
  /** Documents that were pushed before the newest, and why each is what it is, by device. */
  archive: "archive",
  /** Searches that are to be done. Key: device key, model. */
  work: "work",
} as const;

/** Longest value of the bucket of archives. */
export const ARCHIVE_BYTES = 524_288;
/** Longest value of the bucket of statuses. */
export const STATUS_BYTES = 131_072;

const OWN: Omit<BucketSettings, "name" | "maxValueBytes"> = { history: 1, maxBytes: 4 * GIB, allowDirect: false };

/**
 * Everything that a coordinator keeps: the fleet's buckets, its own, and the stream of who did what. A profile and the
 * name of its report are one value, so that one compare-and-set stores both or neither: with a stream of reports beside
 * a table of names, a crash between the two would lose or double one.
 */
export const COORDINATOR_LAYOUT: StoreLayout = {
  buckets: [
    ...FLEET_LAYOUT.buckets.filter(({ name }) => name !== BUCKETS.lease),
    { ...OWN, name: OWN_BUCKETS.profile, maxValueBytes: LIMITS.profileBytes + 65_536 },
    { ...OWN, name: OWN_BUCKETS.chain, maxValueBytes: LIMITS.profileBytes },
    { ...OWN, name: OWN_BUCKETS.status, maxValueBytes: STATUS_BYTES },
    { ...OWN, name: OWN_BUCKETS.archive, maxValueBytes: ARCHIVE_BYTES },
    { ...OWN, name: OWN_BUCKETS.work, maxValueBytes: LIMITS.deviceMessageBytes },
  ],
  streams: FLEET_LAYOUT.streams.filter(({ name }) => name === STREAMS.audit),
};
