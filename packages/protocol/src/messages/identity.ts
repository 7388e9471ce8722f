import { type Fact, fact, MAX_UINT32, REASON_LENGTH } from "@mpo/core";
import { pageSize, pageToken } from "./admin.ts";
import { deviceIdentity, labels } from "./device.ts";

const { bytes, digest, flag, list, name, object, positive, secret, text, timestampMs, whole, word } = fact;

/** Longest certificate request: a P-256 one has 300 to 500 bytes. */
export const certificateRequest = bytes(1, 4_096);

const certificates = text(1, 16_384, { hasLines: true });

/** An Ed25519 public key. */
const publicKey = bytes(32, 32);

const why = text(0, REASON_LENGTH);

/** Who did something, as the audit has it. */
const actor = text(1, 128);

export const enrolmentState = word(["accepted", "pending", "rejected", "revoked", "preauthorised"]);

/** Whether a device is part of the fleet. */
export type EnrolmentState = Fact<typeof enrolmentState>;

/** Public keys that sign documents, signed by the root key; it is read by who trusts that key. */
const keyDocument = bytes(1, 4_096);

/** What a device needs to trust a fleet, and to be trusted by it. */
export type DeviceCredentials = Fact<typeof deviceCredentials>;
export const deviceCredentials = object({
  /** Absent: it has one that another authority has issued. */
  certificatePem: certificates.optional(),
  authoritiesPem: certificates,
  /** Absent: NATS asks for none. */
  natsJwt: secret(8_192).optional(),
  rootPublicKey: publicKey,
  keyDocument,
});

/** A device that is part of the fleet, or asks to be. */
export type EnrolmentView = Fact<typeof enrolment>;
const enrolment = object({
  identity: deviceIdentity,
  state: enrolmentState,
  keyDigest: digest(),
  /** Absent: it has not come yet. */
  requestedAtMs: timestampMs().optional(),
  deviceClass: name().optional(),
  board: text(0, 128),
  address: text(0, 128),
  /** Absent: nobody has decided yet. */
  decidedBy: actor.optional(),
  /** Absent: it has none. */
  certificateEndsAtMs: timestampMs().optional(),
});

export const listEnrolmentsRequest = object({
  tenant: name(),
  state: enrolmentState.optional(),
  pageSize,
  pageToken,
});

export const listEnrolmentsResponse = object({
  enrolments: list(enrolment, 0, 1_000),
  nextPageToken: pageToken,
  serverTimeMs: timestampMs(),
});

/** Accepts, rejects or revokes a device; with a digest: only if that is still its key. */
export const decideEnrolmentRequest = object({
  identity: deviceIdentity,
  decision: word(["accepted", "rejected", "revoked"]),
  keyDigest: digest().optional(),
  reason: why,
});

export const decideEnrolmentResponse = object({ enrolment });

const preauthorisation = object({ identity: deviceIdentity, keyDigest: digest(), labels });

/** Accepts devices before they come, by their public keys. */
export const preauthoriseDevicesRequest = object({ tenant: name(), devices: list(preauthorisation, 1, 1_000) });

export const preauthoriseDevicesResponse = object({ added: whole(0, MAX_UINT32) });

/** Sets labels and takes others away; what is not named stays. */
export const labelDeviceRequest = object({ identity: deviceIdentity, labels, removed: list(name(), 0, 32) });

export const labelDeviceResponse = object({ labels });

/** A token with which devices join, without its secret. */
export type JoinTokenView = Fact<typeof joinToken>;
const joinToken = object({
  id: name(),
  tenant: name(),
  usesLeft: whole(0, MAX_UINT32),
  expiresAtMs: timestampMs(),
  /** Absent: any device that is new. */
  device: name().optional(),
  labels,
  /** Whether devices that join with it are accepted at once. */
  isAccepting: flag(),
  createdBy: actor,
  createdAtMs: timestampMs(),
});

/** Of tokens and certificates: years. */
const validMs = positive(10 * 366 * 86_400_000);

export const createJoinTokensRequest = object({
  tenant: name(),
  count: whole(1, 1_000),
  uses: whole(1, 100_000),
  validMs,
  device: name().optional(),
  labels,
  isAccepting: flag(),
});

/** Each string is a line for `mpo agent --join`. */
export const createJoinTokensResponse = object({
  joinStrings: list(secret(2_048), 1, 1_000),
  tokens: list(joinToken, 1, 1_000),
});

export const listJoinTokensRequest = object({ tenant: name() });
export const listJoinTokensResponse = object({ tokens: list(joinToken, 0, 10_000) });

export const revokeJoinTokenRequest = object({ tenant: name(), id: name() });
export const revokeJoinTokenResponse = object({});

/** What a person or program may do; each may do what those before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];
const role = word(ROLES);

/** Who a person or program is. */
const personName = text(1, 64);

/** A token of a person or program, without its secret. */
export type AccessTokenView = Fact<typeof accessToken>;
const accessToken = object({
  id: name(),
  name: personName,
  role,
  /** Absent: of all tenants. */
  tenant: name().optional(),
  expiresAtMs: timestampMs(),
  createdBy: actor,
  createdAtMs: timestampMs(),
});

export const createAccessTokenRequest = object({ name: personName, role, tenant: name().optional(), validMs });

/** The string is a line for `mpo login`. */
export const createAccessTokenResponse = object({ loginString: secret(2_048), token: accessToken });

export const listAccessTokensRequest = object({});
export const listAccessTokensResponse = object({ tokens: list(accessToken, 0, 10_000) });

export const revokeAccessTokenRequest = object({ id: name() });
export const revokeAccessTokenResponse = object({});

export const whoAmIRequest = object({});
export const whoAmIResponse = object({
  name: actor,
  role,
  tenant: name().optional(),
  expiresAtMs: timestampMs().optional(),
});

export const createConsoleCodeRequest = object({});

/** A way into the console. */
export const createConsoleCodeResponse = object({
  url: text(1, 512),
  /** Absent: nobody has to sign in. */
  code: secret(128).optional(),
  validMs,
});

const authorityCertificate = object({ digest: digest(), certificatePem: certificates, endsAtMs: timestampMs() });

export const getAuthorityRequest = object({});

/** Where people log in with an account of their own. */
const oidcProvider = object({ issuer: text(1, 512), clientId: text(1, 256) });

/** What the fleet trusts. */
export type GetAuthorityResponse = Fact<typeof getAuthorityResponse>;
export const getAuthorityResponse = object({
  fleet: name(),
  /** The one that issues first. */
  certificates: list(authorityCertificate, 1, 9),
  rootPublicKey: publicKey,
  isRootOffline: flag(),
  epoch: whole(1),
  certificateValidMs: validMs,
  oidc: oidcProvider.optional(),
});

/** Replaces the authority's certificate; those before stay trusted unless they are distrusted. */
export const rotateAuthorityRequest = object({ isDistrusting: flag(), reason: why });
export const rotateAuthorityResponse = object({ certificate: authorityCertificate });

/** Replaces the key that signs documents. */
export const rotateKeysRequest = object({ reason: why });

/** With a key: the root key, which is kept elsewhere, must vouch for it; absent: it is in use already. */
export const rotateKeysResponse = object({ epoch: whole(1), publicKey: publicKey.optional() });

export const installKeysRequest = object({ keyDocument });
export const installKeysResponse = object({ epoch: whole(1) });
