import { configSchema, type Fact, fact, MAX_UINT32 } from "@mpo/core";
import {
  conditions,
  deviceIdentity,
  doing,
  doubledBy,
  instance,
  inventory,
  labels,
  resources,
  servedModels,
} from "./device.ts";
import { desiredEnvelope, documentVersion } from "./document.ts";
import { certificateRequest, deviceCredentials, enrolmentState } from "./identity.ts";

const { digest, flag, list, name, object, positive, secret, text, timestampMs, whole } = fact;

const DAY_SECONDS = 86_400;
const heartbeatSeconds = whole(1, DAY_SECONDS);
/** Which calls and fields the sender's release knows: `PROTOCOL`. */
const protocol = whole(1, MAX_UINT32);

/** Asks to become part of the fleet, or, as a part of it, for new credentials. */
export type EnrollRequest = Fact<typeof enrollRequest>;
export const enrollRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  joinToken: secret(256).optional(),
  /** PKCS #10, DER; absent where nobody proves who they are. */
  certificateRequest: certificateRequest.optional(),
  /** Absent where NATS asks for no proof. */
  natsPublicKey: text(1, 128).optional(),
  inventory,
  labels,
});

/** Whether the device is part of the fleet, who it is, and what it needs to prove it. */
export type EnrollResponse = Fact<typeof enrollResponse>;
export const enrollResponse = object({
  state: enrolmentState,
  identity: deviceIdentity,
  credentials: deviceCredentials.optional(),
  /** When to ask again if pending. */
  retryAfterSeconds: whole(0, DAY_SECONDS),
  serverTimeMs: timestampMs(),
});

/** A profile that a device has reported, and can report again. */
const reportedProfile = object({ model: name(), measuredAtMs: timestampMs() });

/** Says who is there, on every (re)connection. */
export type HelloRequest = Fact<typeof helloRequest>;
export const helloRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  inventory,
  resources,
  labels,
  models: servedModels,
  /** The newest document the device has ever accepted: a coordinator with an older store gets above it. */
  versionFloor: documentVersion.optional(),
  appliedVersion: documentVersion.optional(),
  /** The newest of each model. */
  profiles: list(reportedProfile, 0, 32),
  /** Absent: it is idle. */
  doing: doing.optional(),
  /** Of the authorities and the keys that it trusts; absent: none. */
  trustDigest: digest().optional(),
  protocol: protocol.optional(),
  /** The document that it runs by, as it came; absent: the coordinator has not asked for it. */
  applied: desiredEnvelope.optional(),
  /** Methods of adaptation that it may run, by name; absent: its release does not say. */
  methods: list(name(), 1, 16).optional(),
});

/** What is to be measured; no configs: the device chooses. */
export type ProbeOrder = Fact<typeof probeOrder>;
const probeOrder = object({
  order: name(),
  model: name(),
  manifestDigest: digest(),
  /** Most valuable first. */
  configs: list(configSchema, 0, 64),
  maxMs: positive(DAY_SECONDS * 1000),
  /** Measure again: a profile that the device could report again will not do. */
  isFresh: flag(),
  /** Check the profile of this device, and take it if it holds. */
  sharedFrom: name().optional(),
  /** Another device of the class measures: wait so long at most, and then measure. */
  waitMs: positive(DAY_SECONDS * 1000).optional(),
});

/** What a device should do now. */
export type HelloResponse = Fact<typeof helloResponse>;
export const helloResponse = object({
  serverTimeMs: timestampMs(),
  desiredVersion: documentVersion.optional(),
  desired: desiredEnvelope.optional(),
  probes: list(probeOrder, 0, 32),
  heartbeatSeconds,
  doubledBy,
  natsServers: list(text(1, 256), 0, 8),
  /** The coordinator lacks the status of the document that the device runs by. */
  needsStatus: flag(),
  /** The fleet trusts something else by now: enrol again. */
  needsEnrolment: flag().optional(),
  protocol: protocol.optional(),
  /** The device runs by a document that the coordinator does not know: say hello again, with it. */
  needsDocument: flag().optional(),
});

/** Says that a device is alive, apart from its work. */
export type HeartbeatRequest = Fact<typeof heartbeatRequest>;
export const heartbeatRequest = object({
  identity: deviceIdentity,
  instance: instance.optional(),
  resources,
  appliedVersion: documentVersion.optional(),
  /** Of what the device has reported of itself (`reportedDigest`); absent while reports wait to be sent. */
  reportedDigest: digest().optional(),
  conditions,
  /** Absent: it is idle. */
  doing: doing.optional(),
});

export type HeartbeatResponse = Fact<typeof heartbeatResponse>;
export const heartbeatResponse = object({
  serverTimeMs: timestampMs(),
  desiredVersion: documentVersion.optional(),
  heartbeatSeconds,
  doubledBy,
  /** The coordinator lacks something that the device has reported, or has new orders: say hello again. */
  needsHello: flag(),
});
