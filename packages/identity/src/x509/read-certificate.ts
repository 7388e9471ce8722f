import { type KeyObject, X509Certificate } from "node:crypto";
import { MpoError } from "@mpo/core";
import { publicKeyBytes, readPrivateKey, sha256 } from "./key.ts";
import { type DeviceName, deviceOfUri } from "./names.ts";

/** What a certificate says of a device. That an authority of the fleet signed it, TLS has checked. */
export interface DeviceIdentity extends DeviceName, Validity {
  /** SHA-256 of the public key (SPKI, DER). */
  readonly keyDigest: string;
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Of a certificate, or of a chain of a few. */
const MAX_CERTIFICATE_BYTES = 65_536;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu;

/** The device of a certificate (DER, or the first one in PEM). Throws `unauthenticated` when it is no device's. */
export function deviceOfCertificate(certificate: string | Uint8Array): DeviceIdentity {
  const parsed = readCertificate(certificate, "unauthenticated");
  const names = parsed.subjectAltName ?? "";
  const name = names.startsWith("URI:") ? deviceOfUri(names.slice("URI:".length)) : undefined;
  // Node leaves it undefined where the certificate has no such extension.
  const usages: readonly string[] | undefined = parsed.keyUsage;
  if (name === undefined || parsed.ca || usages?.join() !== CLIENT_AUTH) {
    throw new MpoError("unauthenticated", "this certificate is not a device's");
  }
  return { ...name, keyDigest: sha256(publicKeyBytes(parsed.publicKey)), ...validityOf(parsed) };
}

/** From when to when a certificate (DER, or the first one in PEM) holds. */
export function validityOf(certificate: X509Certificate | string | Uint8Array): Validity {
  const { validFrom, validTo } =
    certificate instanceof X509Certificate ? certificate : readCertificate(certificate, "invalid-data");
  return { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
}

/** SHA-256 of a certificate's DER (DER, or the first one in PEM): what a join string vouches for. */
export function fingerprintOf(certificate: string | Uint8Array): string {
  return sha256(readCertificate(certificate, "invalid-data").raw);
}

/** Whether an authority's key has signed a certificate, and may sign some. Says nothing of times. */
export function isIssuedBy(certificate: string | Uint8Array, authority: string | Uint8Array): boolean {
  const issuer = readCertificate(authority, "invalid-data");
  const leaf = readCertificate(certificate, "invalid-data");
  return issuer.ca && leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
}

/**
 * The authority, as PEM, that has this fingerprint and has issued the first certificate of a chain (PEM). Throws
 * `unauthenticated` when there is none: whoever shows the chain is somebody else.
 */
export function authorityOfChain(chainPem: string, fingerprint: string): string {
  const chain = certificatesOf(chainPem).map((certificate) => certificate.toString());
  const authority = chain.find((certificate) => fingerprintOf(certificate) === fingerprint);
  if (authority !== undefined && isIssuedBy(chainPem, authority)) return authority;
  throw new MpoError("unauthenticated", "the certificate is not of the fleet that was named", {
    hint: "The address may be another fleet's by now, or somebody is in between. Get a new join string.",
  });
}

/** Refuses a certificate (the first one in PEM) that is not of this key: files that were swapped. */
export function requirePair(certificatePem: string, privateKeyPem: string): void {
  const key: KeyObject = readPrivateKey(privateKeyPem);
  if (!readCertificate(certificatePem, "invalid-data").checkPrivateKey(key)) {
    throw new MpoError("invalid-data", "the certificate and the private key are not a pair", {
      hint: "One of the two was replaced: put back the one that belongs to the other.",
    });
  }
}

/** All certificates of a PEM text, at least one. Throws `invalid-data`. */
export function certificatesOf(pem: string): readonly X509Certificate[] {
  const blocks = pem.length > MAX_CERTIFICATE_BYTES ? [] : (pem.match(PEM_BLOCK) ?? []);
  return (blocks.length === 0 ? [pem] : blocks).map((block) => readCertificate(block, "invalid-data"));
}

function readCertificate(certificate: string | Uint8Array, code: "invalid-data" | "unauthenticated"): X509Certificate {
  if (certificate.length > MAX_CERTIFICATE_BYTES) {
    throw new MpoError(
      code,
      `a certificate has ${certificate.length} bytes; expected ${MAX_CERTIFICATE_BYTES} at most`,
    );
  }
  try {
    return new X509Certificate(certificate);
  } catch (thrown) {
    throw new MpoError(code, "this is not a certificate in PEM or DER", { cause: thrown });
  }
}
