import { checked, type Fact, fact, MpoError } from "@mpo/core";
import { bytesOfBase64url } from "../base64url.ts";
import { createSigningKey, signingPublicKey, signKeyDocument, verifyKeyDocument } from "../signing/index.ts";
import { createCertificateAuthority, requirePair, validityOf } from "../x509/index.ts";

const MAX_PEM = 16_384;
/** Authorities that a fleet trusts at a time; each holds for years. */
const MAX_CERTIFICATE_AUTHORITIES = 8;

const pem = (): ReturnType<typeof fact.secret> => fact.secret(MAX_PEM, { hasLines: true });
const seed = (): ReturnType<typeof fact.secret> => fact.secret(128);

const authoritySchema = fact.object({
  version: fact.whole(1, 1),
  fleetId: fact.name(),
  /** The first issues certificates; all are trusted. */
  certificateAuthorities: fact.list(
    fact.object({ certificatePem: pem(), privateKeyPem: pem() }),
    1,
    MAX_CERTIFICATE_AUTHORITIES,
  ),
  rootPublic: fact.text(43, 43),
  /** Absent where it is kept offline. */
  rootKeyPem: pem().optional(),
  signingKeyPem: pem(),
  /** Public keys that signed before it: what they have signed of the past stays believed. */
  retiredKeys: fact.list(fact.text(43, 43), 0, 64).optional(),
  /** As it is handed out, in base64url. */
  keyDocument: fact.text(1, 8192),
  /** Seeds of the fleet's identities in NATS. */
  nats: fact.object({
    operatorSeed: seed(),
    accountSeed: seed(),
    deviceAccountSeed: seed(),
    deviceSigningSeed: seed(),
    systemAccountSeed: seed(),
    systemUserSeed: seed(),
    coordinatorSeed: seed(),
  }),
});

/** Everything that a fleet's coordinators prove themselves and their devices with. Most of it is secret. */
export type Authority = Fact<typeof authoritySchema>;

/** A new fleet's. */
export async function createAuthority({
  fleetId,
  nats,
  nowMs,
}: Pick<Authority, "fleetId" | "nats"> & { readonly nowMs: number }): Promise<Authority> {
  const rootKeyPem = createSigningKey();
  return {
    version: 1,
    fleetId,
    certificateAuthorities: [await createCertificateAuthority({ fleetId, nowMs })],
    rootPublic: signingPublicKey(rootKeyPem),
    rootKeyPem,
    ...signingKey(rootKeyPem, 1, nowMs),
    nats,
  };
}

/** The certificates of all trusted authorities, as one PEM text. */
export function trustedCertificates({ certificateAuthorities }: Authority): string {
  return certificateAuthorities.map(({ certificatePem }) => certificatePem).join("");
}

/** The key document as devices get it. */
export function keyDocumentOf({ keyDocument }: Authority): Uint8Array {
  return bytesOfBase64url(keyDocument);
}

/** Of the keys that sign documents. */
export function epochOf(authority: Authority): number {
  return verifyKeyDocument(authority.rootPublic, keyDocumentOf(authority), 0).epoch;
}

/**
 * Lets a new certificate authority issue from now on. Those before it are trusted until they end, or at once no more where
 * one of their keys was stolen: then every device has to join again.
 */
export async function rotateCertificateAuthority(
  authority: Authority,
  { nowMs, keepsOlder = true }: { readonly nowMs: number; readonly keepsOlder?: boolean },
): Promise<Authority> {
  const { fleetId, certificateAuthorities } = authority;
  const older = keepsOlder
    ? certificateAuthorities.filter(({ certificatePem }) => validityOf(certificatePem).notAfterMs > nowMs)
    : [];
  if (older.length === MAX_CERTIFICATE_AUTHORITIES) {
    throw new MpoError(
      "precondition-failed",
      `the fleet trusts ${MAX_CERTIFICATE_AUTHORITIES} certificate authorities already, none of which has ended`,
    );
  }
  return { ...authority, certificateAuthorities: [await createCertificateAuthority({ fleetId, nowMs }), ...older] };
}

/** Retires the key that signs documents: raises the epoch, with a new key. The root key is given where it is kept offline. */
export function rotateSigningKey(
  authority: Authority,
  { nowMs, rootKeyPem = authority.rootKeyPem }: { readonly nowMs: number; readonly rootKeyPem?: string | undefined },
): Authority {
  if (rootKeyPem === undefined) {
    throw new MpoError(
      "precondition-failed",
      "the fleet's root key is kept elsewhere, and a new key document needs it",
      {
        hint: "Give the file with the root key.",
      },
    );
  }
  if (signingPublicKey(rootKeyPem) !== authority.rootPublic) {
    throw new MpoError("invalid-argument", "this root key is another fleet's");
  }
  const epoch = epochOf(authority);
  return { ...authority, ...signingKey(rootKeyPem, epoch + 1, nowMs), retiredKeys: withRetired(authority) };
}

/** The public keys that signed in the past, once another signs. */
export function withRetired({ signingKeyPem, retiredKeys = [] }: Authority): readonly string[] {
  return [signingPublicKey(signingKeyPem), ...retiredKeys].slice(0, 64);
}

/** An authority that was kept somewhere. `place`: where, for people. Throws `invalid-data`, which shows no secret. */
export function checkedAuthority(value: unknown, place: string): Authority {
  const authority = checked(authoritySchema, value, place);
  try {
    checkPairs(authority);
  } catch (thrown) {
    throw MpoError.from(thrown).with({ code: "invalid-data", message: `${place}: ${MpoError.from(thrown).message}` });
  }
  return authority;
}

function checkPairs(authority: Authority): void {
  const { certificateAuthorities, rootPublic, rootKeyPem, signingKeyPem } = authority;
  for (const { certificatePem, privateKeyPem } of certificateAuthorities) requirePair(certificatePem, privateKeyPem);
  if (rootKeyPem !== undefined && signingPublicKey(rootKeyPem) !== rootPublic) {
    throw new MpoError("invalid-data", "the root key and its public key are not a pair");
  }
  const { keys } = verifyKeyDocument(rootPublic, keyDocumentOf(authority), 0);
  const own = signingPublicKey(signingKeyPem);
  if (!keys.some((key) => key.public === own)) {
    throw new MpoError("invalid-data", "the signing key is not one of those in the key document");
  }
}

function signingKey(
  rootKeyPem: string,
  epoch: number,
  issuedAtMs: number,
): Pick<Authority, "signingKeyPem" | "keyDocument"> {
  const signingKeyPem = createSigningKey();
  const publicKeys = [signingPublicKey(signingKeyPem)];
  const document = signKeyDocument(rootKeyPem, { epoch, publicKeys, issuedAtMs });
  return { signingKeyPem, keyDocument: Buffer.from(document).toString("base64url") };
}
