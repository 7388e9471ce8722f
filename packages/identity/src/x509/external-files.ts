import { createPrivateKey, type X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { MpoError } from "@mpo/core";
import { type Abortable, fileError } from "@mpo/io";
import { readPrivateFile } from "../authority/private-file.ts";
import type { CertifiedKey } from "./certificate-authority.ts";
import { COORDINATOR_NAME } from "./names.ts";
import { certificatesOf, isIssuedBy, validityOf } from "./read-certificate.ts";

const MAX_BYTES = 65_536;

/** A listener's certificate that another authority has issued, and who vouches for it. */
export interface ExternalPair extends CertifiedKey {
  /** The certificate of the authority that issued it, which clients are to trust. */
  readonly issuerPem: string;
}

type Reading = Abortable & { readonly nowMs: number };

/** Reads the authorities in a file. Throws as files do, and `invalid-data` for what is no authority or has ended. */
export async function readAuthorities(path: string, { nowMs, signal }: Reading): Promise<string> {
  const pem = await readText(path, signal);
  const certificates = named(path, () => certificatesOf(pem));
  for (const certificate of certificates) {
    if (!certificate.ca) throw bad(path, "has a certificate that is not an authority's");
    requireTimes(path, certificate, nowMs);
  }
  return certificates.map((each) => each.toString()).join("");
}

/**
 * Reads a listener's certificate, with that of its issuer after it, and its key. Throws as files do,
 * `precondition-failed` for a key that others can read or a certificate that clients would refuse, and `invalid-data`.
 */
export async function readExternalPair(
  files: { readonly certificateFile: string; readonly privateKeyFile: string },
  { nowMs, signal }: Reading,
): Promise<ExternalPair> {
  const { certificateFile: path, privateKeyFile } = files;
  const certificatePem = await readText(path, signal);
  const privateKeyPem = (await readPrivateFile(privateKeyFile, { maxBytes: MAX_BYTES, signal })).toString();
  const [leaf, ...above] = named(path, () => certificatesOf(certificatePem)) as [X509Certificate, ...X509Certificate[]];
  requireTimes(path, leaf, nowMs);
  const issuer = above.find((each) => isIssuedBy(leaf.raw, each.raw));
  if (issuer === undefined) {
    throw bad(path, "has no certificate of the authority that issued the first one", ISSUER_HINT);
  }
  requireTimes(path, issuer, nowMs);
  if (leaf.checkHost(COORDINATOR_NAME, { subject: "never", wildcards: false }) === undefined) {
    const message = `${path} is not for ${COORDINATOR_NAME}, the DNS name that agents and commands check`;
    throw new MpoError("precondition-failed", message, {
      hint: `Have it issued with the DNS name ${COORDINATOR_NAME}.`,
    });
  }
  requireKey(leaf, privateKeyPem, files);
  return { certificatePem, privateKeyPem, issuerPem: issuer.toString() };
}

const ISSUER_HINT = "Put the issuer's certificate into the same file, after the coordinator's.";

async function readText(path: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await readFile(path, { encoding: "utf8", ...(signal && { signal }) });
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  }
}

function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const error = MpoError.from(thrown);
    throw error.with({ message: `${path}: ${error.message}` });
  }
}

function requireTimes(path: string, certificate: X509Certificate, nowMs: number): void {
  const { notBeforeMs, notAfterMs } = validityOf(certificate);
  if (nowMs >= notAfterMs) throw bad(path, `has a certificate that has expired (${certificate.validTo})`);
  if (nowMs < notBeforeMs) throw bad(path, `has a certificate that is not valid yet (${certificate.validFrom})`);
}

function requireKey(
  leaf: X509Certificate,
  privateKeyPem: string,
  { certificateFile, privateKeyFile }: { readonly certificateFile: string; readonly privateKeyFile: string },
): void {
  let isPair: boolean;
  try {
    isPair = leaf.checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    // The reason may hold pieces of what was read.
    throw bad(privateKeyFile, "is not a private key in PEM");
  }
  if (isPair) return;
  throw bad(certificateFile, `is not a pair with ${privateKeyFile}`, "One of the two was replaced: replace the other.");
}

function bad(path: string, what: string, hint?: string): MpoError {
  return new MpoError("invalid-data", `${path} ${what}`, hint === undefined ? {} : { hint });
}
