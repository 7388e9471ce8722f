import { GIB, MIB } from "@mpo/core";
import { LIMITS } from "@mpo/protocol";
import type { BucketSettings, StoreLayout } from "./store-layout.ts";

/** Buckets of the fleet's store. Where no other key is named, it is the device's (`deviceKey`). */
export const BUCKETS = {
  /** Newest document of each device; a device reads its own. */
  desired: "desired",
  /** What each device last reported. */
  reported: "reported",
  /** Inventory and labels of each device. */
  ident: "ident",
  /** Pooled profiles. Key: class of devices, model. */
  prior: "prior",
  /** Newest profile of each device and model, with the names of the reports that were stored. Key: device key, model. */
  profile: "profile",
  /** Chains by the SHA-256 of their bytes. Written once. */
  chain: "chain",
  /** What became of documents and windows. */
  status: "status",
  /** Documents that were pushed before the newest, and why each is what it is. */
  archive: "archive",
  /** Searches that are to be done. Key: device key, model. */
  work: "work",
  /** Who is part of the fleet, by its key, and who asks to be. */
  enrolment: "enrolment",
  /** Tokens with which devices join. Key: SHA-256 of the secret. */
  token: "token",
  /** Tokens of people and programs. Key: SHA-256 of the secret. */
  access: "access",
  /** Filters that were saved under names. Key: tenant, name. */
  group: "group",
  /** What all coordinators sign and vouch with, wrapped. */
  authority: "authority",
  /** Users of NATS that were revoked. */
  revoked: "revoked",
  /** Published models. Key: tenant, name, version. Written once. */
  model: "model",
  /** Their bytes, in chunks. Key: SHA-256 of the chunk. */
  chunk: "chunk",
  /** What devices have learned of drifts, and share. Key: tenant, name. */
  adaptation: "adaptation",
  /** Rollouts: their files and where they stand. Key: tenant, name. */
  rollout: "rollout",
  /** Who gets what in a rollout, and how far each device is, in parts. Key: tenant, plan, part. */
  rolloutPart: "rollout-part",
  /** Written to see whether the store takes writes. */
  health: "health",
} as const;

/** What is lost with a stream, in words, and what comes back by itself. By name of the stream. */
export const STREAM_LOSSES: Readonly<Record<string, string>> = {
  KV_desired: "the newest document of each device; devices keep the one that they run",
  KV_reported: "when devices were last heard of; comes back with the next heartbeats",
  KV_ident: "which devices there are; they enrol again when they say hello",
  KV_prior: "pooled profiles; they are pooled again from the profiles that are stored",
  KV_profile: "the profiles of all devices, until they are reported or measured again",
  KV_chain: "the chains of all models, until devices report them again",
  KV_status: "what became of documents and windows, until devices report again",
  KV_archive: "older documents, for rollbacks and explanations; they do not come back",
  KV_work: "searches that waited; push again where one is missed",
  KV_enrolment: "which devices were accepted or revoked; devices wait to be accepted again",
  KV_token: "the tokens with which devices join; make new ones",
  KV_access: "the tokens of people and programs; make new ones",
  KV_group: "the filters that were saved; save them again",
  KV_authority: "the keys of the fleet, unless they lie in a file too",
  KV_revoked: "which users of NATS were revoked; revoke them again",
  KV_model: "which models are published; publish them again, devices keep what they have",
  KV_chunk: "the bytes of published models; publish the same versions again",
  KV_adaptation: "what devices have learned of drifts; they share what they learn next",
  KV_rollout: "rollouts; devices keep what they were given",
  "KV_rollout-part": "which device of a rollout gets what; plan again",
  KV_health: "nothing",
  audit: "the events; they do not come back",
};

export const STREAMS = {
  /** Who changed what. Subject: `auditSubject`. */
  audit: "audit",
} as const;

const DAY_MS = 86_400_000;

const SMALL: Omit<BucketSettings, "name"> = {
  history: 1,
  maxValueBytes: LIMITS.deviceMessageBytes,
  maxBytes: 128 * MIB,
  allowDirect: false,
};
const LARGE = { ...SMALL, maxBytes: 4 * GIB };

/**
 * Everything that a fleet keeps. Documents keep a few revisions, so that a push can be rolled back; they alone may be
 * read from any replica, because a device refuses an older version than it has. A profile and the name of its report are
 * one value, so that one compare-and-set stores both or neither: with a stream of reports and a table of names, a
 * crash between the two would lose or double one.
 */
export const FLEET_LAYOUT: StoreLayout = {
  buckets: [
    {
      ...SMALL,
      name: BUCKETS.desired,
      history: 8,
      maxValueBytes: LIMITS.envelopeBytes,
      maxBytes: 512 * MIB,
      allowDirect: true,
      // Where a device hears of its document: `notifySubject`.
      republish: { src: `$KV.${BUCKETS.desired}.>`, dest: "dn.>" },
    },
    { ...SMALL, name: BUCKETS.reported, maxBytes: 512 * MIB },
    { ...SMALL, name: BUCKETS.ident },
    { ...SMALL, name: BUCKETS.prior, history: 5, maxValueBytes: LIMITS.profileBytes },
    { ...LARGE, name: BUCKETS.profile, maxValueBytes: LIMITS.profileBytes + 65_536 },
    { ...LARGE, name: BUCKETS.chain, maxValueBytes: LIMITS.profileBytes },
    { ...LARGE, name: BUCKETS.status, maxValueBytes: 131_072 },
    { ...LARGE, name: BUCKETS.archive, maxValueBytes: 524_288 },
    { ...LARGE, name: BUCKETS.work },
    { ...SMALL, name: BUCKETS.enrolment },
    { ...SMALL, name: BUCKETS.token },
    { ...SMALL, name: BUCKETS.access, maxBytes: 8 * MIB },
    { ...SMALL, name: BUCKETS.group, maxBytes: 8 * MIB },
    { ...SMALL, name: BUCKETS.authority, maxBytes: 8 * MIB },
    { ...SMALL, name: BUCKETS.revoked, maxValueBytes: 1_048_576 - 65_536, maxBytes: 64 * MIB },
    { ...SMALL, name: BUCKETS.model, maxValueBytes: 2 * LIMITS.artifactBytes },
    { ...LARGE, name: BUCKETS.chunk, maxValueBytes: LIMITS.chunkBytes },
    // In base64, and what is known of it.
    { ...SMALL, name: BUCKETS.adaptation, maxValueBytes: 2 * LIMITS.adaptationBytes },
    { ...SMALL, name: BUCKETS.rollout, maxValueBytes: 524_288 },
    { ...LARGE, name: BUCKETS.rolloutPart, maxValueBytes: 1_048_576 - 65_536 },
    { ...SMALL, name: BUCKETS.health, maxBytes: 8 * MIB },
  ],
  streams: [
    {
      name: STREAMS.audit,
      subjects: ["au.>"],
      maxValueBytes: LIMITS.deviceMessageBytes,
      // 400 days of some 14,000 events a day: a hundred devices that retrain all day. When it is full, people's changes are
      // refused, as none may go unseen.
      maxBytes: 4 * GIB,
      maxAgeMs: 400 * DAY_MS,
      // A reporter that lost its answer tries again within minutes.
      duplicateWindowMs: 10 * 60_000,
      isPermanent: true,
    },
  ],
};
