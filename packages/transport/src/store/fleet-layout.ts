import { BUCKETS, DESIRED_REPUBLISH, LIMITS } from "@mpo/protocol";
import type { BucketSettings, StoreLayout, StreamSettings } from "./store-layout.ts";

/** Streams of the fleet's store. Their subjects come from `@mpo/protocol` (`profileSubject` and the like). */
export const STREAMS = {
  /** Profiles: `pf.<shard>.<tenant>.<device>.<model>`. */
  profiles: "profiles",
  /** Status reports: `rp.<shard>.<tenant>.<device>`. */
  reports: "reports",
  /** Who changed what: `au.<tenant>.<kind>`. */
  audit: "audit",
} as const;

const MIB = 2 ** 20;
const DAY_MS = 86_400_000;
/** A reporter that lost its answer tries again within minutes; beyond this the coordinator's own index decides. */
const DUPLICATE_WINDOW_MS = 10 * 60_000;

const CONTROL: Omit<BucketSettings, "name"> = {
  history: 1,
  maxValueBytes: LIMITS.deviceMessageBytes,
  maxBytes: 128 * MIB,
  allowDirect: false,
};

const EVENTS: Omit<StreamSettings, "name" | "subjects"> = {
  maxValueBytes: LIMITS.deviceMessageBytes,
  maxBytes: 512 * MIB,
  whenFull: "drop-oldest",
  duplicateWindowMs: DUPLICATE_WINDOW_MS,
  isPermanent: false,
};

/**
 * The product's store (deploy/decisions/4-jetstream-with-fences.md). Documents keep a few revisions, so that a push can
 * be rolled back; they alone may be read from any replica, because a device refuses an older version than it has.
 * JetStream sets `maxBytes` aside at once: together 3.3 GiB, so that it fits an edge box; large fleets pass a layout of
 * their own.
 */
export const FLEET_LAYOUT: StoreLayout = {
  buckets: [
    {
      ...CONTROL,
      name: BUCKETS.desired,
      history: 8,
      maxValueBytes: LIMITS.envelopeBytes,
      maxBytes: 512 * MIB,
      allowDirect: true,
      republish: DESIRED_REPUBLISH,
    },
    { ...CONTROL, name: BUCKETS.reported, maxBytes: 512 * MIB },
    { ...CONTROL, name: BUCKETS.ident },
    { ...CONTROL, name: BUCKETS.prior, history: 5, maxValueBytes: LIMITS.profileBytes },
    { ...CONTROL, name: BUCKETS.lease, ttlMs: 15_000, maxBytes: 16 * MIB },
  ],
  streams: [
    {
      ...EVENTS,
      name: STREAMS.profiles,
      subjects: ["pf.>"],
      maxValueBytes: LIMITS.profileBytes,
      maxBytes: 1024 * MIB,
      maxPerSubject: 3,
      maxAgeMs: 90 * DAY_MS,
      whenFull: "refuse",
    },
    { ...EVENTS, name: STREAMS.reports, subjects: ["rp.>"], maxPerSubject: 64, maxAgeMs: 30 * DAY_MS },
    {
      ...EVENTS,
      name: STREAMS.audit,
      subjects: ["au.>"],
      maxAgeMs: 400 * DAY_MS,
      whenFull: "refuse",
      isPermanent: true,
    },
  ],
};
