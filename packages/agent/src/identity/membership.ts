import { checked, type Fact, fact, hasCode, MpoError } from "@mpo/core";
import {
  bytesOfBase64url,
  createDeviceNkey,
  deviceOfCertificate,
  fingerprintOf,
  type KeyDocument,
  readPrivateJson,
  requirePair,
  trustDigest,
  verifyKeyDocument,
  writePrivateJson,
} from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import { type EnrollResponse, schemas } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import { type KeyProvider, setAside } from "./device-key.ts";

const { list, object, secret, text, timestampMs, whole } = fact;

const pem = (): ReturnType<typeof text> => text(1, 16_384, { hasLines: true });

const membershipSchema = object({
  version: whole(1, 1),
  /** The name that the fleet gave it. */
  identity: schemas.deviceIdentity,
  /** Where coordinators were reached, "host:port". */
  coordinators: list(text(1, 255), 1, 8),
  certificatePem: pem(),
  issuedAtMs: timestampMs(),
  authoritiesPem: pem(),
  /** Both in base64url. */
  rootPublic: text(43, 43),
  keyDocument: text(1, 8192),
  nats: object({ seed: secret(128), publicKey: text(1, 128), jwt: secret(8192).optional() }),
});

/** All that a device has of its fleet, but for its key: written as one, so that its parts always belong together. */
export type Membership = Fact<typeof membershipSchema>;

/** A device's user of NATS: the key is its own, the JWT the fleet's. */
export type NatsUser = Membership["nats"];

const MAX_BYTES = 131_072;

/**
 * What the last process kept; undefined: nothing. A record that is damaged, or not for this key, is set aside and logged:
 * the device then has to join again. Throws `precondition-failed` where others could have read it.
 */
export async function readMembership(
  path: string,
  key: KeyProvider,
  logger: Logger,
  options: Abortable = {},
): Promise<Membership | undefined> {
  const hint = "The device joins again: with --join, or with --ca and --coordinator.";
  try {
    return await readPrivateJson(path, (value, place) => readable(value, place, key), {
      ...{ maxBytes: MAX_BYTES, hint, ...options },
    });
  } catch (thrown) {
    if (hasCode(thrown, "not-found")) return undefined;
    if (!hasCode(thrown, "invalid-data", "unauthenticated")) throw thrown;
    await setAside(path, logger, "what this device has of its fleet cannot be used", thrown);
    return undefined;
  }
}

export async function writeMembership(path: string, membership: Membership, options: Abortable = {}): Promise<void> {
  await writePrivateJson(path, membership, options);
}

/** A new device's user, which the fleet does not know yet. */
export function newNatsUser(): NatsUser {
  return createDeviceNkey();
}

/**
 * What a fleet answered a device, checked: the certificate is of its key and its name, and the keys for documents are
 * vouched for by the root key, which is the one from before, and were not retired.
 */
export function membershipFrom(
  { identity, credentials, serverTimeMs }: Pick<EnrollResponse, "identity" | "credentials" | "serverTimeMs">,
  ours: {
    readonly key: KeyProvider;
    readonly nats: NatsUser;
    readonly coordinators: readonly string[];
    /** What it was until now; absent: it joins. */
    readonly before: Membership | undefined;
  },
): Membership {
  const { key, nats, coordinators, before } = ours;
  if (credentials?.certificatePem === undefined) {
    throw new MpoError("invalid-data", "the coordinator accepts this device but gives it no certificate");
  }
  const { certificatePem, authoritiesPem, rootPublicKey, keyDocument, natsJwt } = credentials;
  const rootPublic = Buffer.from(rootPublicKey).toString("base64url");
  if (before !== undefined && before.rootPublic !== rootPublic) {
    throw new MpoError("unauthenticated", "the fleet has another root key than the one that this device trusts", {
      hint: "If the fleet was set up again, remove the folder `identity` in the agent's data folder, and join it again.",
    });
  }
  verifyKeyDocument(rootPublic, keyDocument, before === undefined ? 0 : keysOf(before).epoch);
  const { seed, publicKey } = nats;
  const membership: Membership = {
    version: 1,
    ...{ identity, coordinators: [...coordinators], certificatePem, authoritiesPem, rootPublic },
    issuedAtMs: serverTimeMs,
    keyDocument: Buffer.from(keyDocument).toString("base64url"),
    nats: { seed, publicKey, ...(natsJwt === undefined ? {} : { jwt: natsJwt }) },
  };
  return readable(membership, "the coordinator's answer", key);
}

/** The keys that sign the fleet's documents. */
export function keysOf({ rootPublic, keyDocument }: Membership): KeyDocument {
  return verifyKeyDocument(rootPublic, bytesOfBase64url(keyDocument), 0);
}

/** Names what the device trusts; the coordinator compares it with its own. */
export function trustOf({ authoritiesPem, rootPublic, keyDocument }: Membership): string {
  return trustDigest({
    authoritiesPem,
    rootPublicKey: bytesOfBase64url(rootPublic),
    keyDocument: bytesOfBase64url(keyDocument),
  });
}

function readable(value: unknown, place: string, key: KeyProvider): Membership {
  const membership = checked(membershipSchema, value, place);
  const { certificatePem, authoritiesPem, identity } = membership;
  requirePair(certificatePem, key.tlsKeyPem());
  const { tenant, device } = deviceOfCertificate(certificatePem);
  if (tenant !== identity.tenant || device !== identity.device) {
    throw new MpoError("invalid-data", `${place}: the certificate is of another device`);
  }
  fingerprintOf(authoritiesPem);
  keysOf(membership);
  return membership;
}
