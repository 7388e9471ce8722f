import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { isName, MpoError } from "@mpo/core";
import type { RequestedKey } from "./certificate-request.ts";
import { createKey, keyDigestOf, keyPairOf, publicKeyBytes, readPrivateKey, SIGNING } from "./key.ts";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  IssuerCertificate,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "./library.ts";
import { type DeviceName, deviceOfUri, deviceUri } from "./names.ts";
import { certificatesOf, validityOf } from "./read-certificate.ts";

/** A certificate (with those above it, as PEM) and its private key. */
export interface CertifiedKey {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** How long a certificate holds, from when. */
export interface Lifetime {
  readonly nowMs: number;
  readonly lifetimeMs?: number;
}

const DAY_MS = 86_400_000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
/** Of the certificates of devices and servers. */
export const CERTIFICATE_LIFETIME_MS: number = 7 * DAY_MS;
/** Certificates begin a little before now, for clocks that are behind. */
const CLOCK_SKEW_MS = 300_000;

const DNS_NAME = /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/u;

/** A new authority of a fleet, which signs itself. */
export async function createCertificateAuthority({
  fleetId,
  nowMs,
  lifetimeMs = AUTHORITY_LIFETIME_MS,
}: Lifetime & { readonly fleetId: string }): Promise<CertifiedKey> {
  if (!isName(fleetId)) throw badName(fleetId, "name of a fleet");
  const privateKeyPem = await createKey();
  const keys = await keyPairOf(privateKeyPem);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // An authority that follows another has another name, so that TLS looks up the right one.
    name: [{ O: [fleetId] }, { CN: [`MPOptimizer CA ${keyDigestOf(privateKeyPem).slice(0, 16)}`] }],
    keys,
    signingAlgorithm: SIGNING,
    ...validity(nowMs, lifetimeMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: pemOf(certificate.rawData), privateKeyPem };
}

/** Whether a certificate can be for a name. */
export function isDnsName(name: string): boolean {
  return DNS_NAME.test(name);
}

/** A certificate and a new key for a server with these names and addresses, at least one. */
export async function issueServerCertificate(
  authority: CertifiedKey,
  {
    dnsNames,
    ipAddresses = [],
    ...lifetime
  }: Lifetime & { readonly dnsNames: readonly string[]; readonly ipAddresses?: readonly string[] },
): Promise<CertifiedKey> {
  for (const name of dnsNames) if (!isDnsName(name)) throw badName(name, "DNS name in lower case");
  const addresses = ipAddresses.map(plainAddress);
  const [commonName] = [...dnsNames, ...ipAddresses];
  if (commonName === undefined) throw new MpoError("invalid-argument", "a server's certificate needs a name");
  const privateKeyPem = await createKey();
  const certificatePem = await issue(authority, {
    commonName,
    publicKey: publicKeyBytes(readPrivateKey(privateKeyPem)),
    names: [
      ...dnsNames.map((value) => ({ type: "dns" as const, value })),
      ...addresses.map((value) => ({ type: "ip" as const, value })),
    ],
    usage: ExtendedKeyUsage.serverAuth,
    ...lifetime,
  });
  return { certificatePem, privateKeyPem };
}

/** A certificate, with the authority's after it, that says that a key is a device's. */
export async function issueDeviceCertificate(
  authority: CertifiedKey,
  { publicKey, tenant, device, ...lifetime }: Lifetime & DeviceName & Pick<RequestedKey, "publicKey">,
): Promise<string> {
  const uri = deviceUri({ tenant, device });
  if (deviceOfUri(uri) === undefined) throw badName(uri, "name of a device");
  return await issue(authority, {
    commonName: device,
    publicKey,
    names: [{ type: "url", value: uri }],
    usage: ExtendedKeyUsage.clientAuth,
    ...lifetime,
  });
}

interface Leaf extends Lifetime {
  readonly commonName: string;
  /** SPKI, DER. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly names: JsonGeneralNames;
  readonly usage: ExtendedKeyUsage;
}

async function issue(authority: CertifiedKey, leaf: Leaf): Promise<string> {
  const { commonName, publicKey, names, usage, nowMs, lifetimeMs = CERTIFICATE_LIFETIME_MS } = leaf;
  const [issuer] = certificatesOf(authority.certificatePem) as [X509Certificate];
  const { notBeforeMs, notAfterMs } = validityOf(issuer);
  if (nowMs >= notAfterMs) {
    throw new MpoError("precondition-failed", "the certificate authority has expired", {
      hint: "Make a new one: `mpo ca rotate`.",
    });
  }
  const wanted = validity(nowMs, lifetimeMs);
  if (wanted.notAfter.getTime() <= notBeforeMs) {
    throw new MpoError("precondition-failed", "it is before the time at which the certificate authority was made", {
      hint: "Set this machine's clock.",
    });
  }
  const { privateKey, publicKey: issuerKey } = await keyPairOf(authority.privateKeyPem);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [commonName] }],
    issuer: new IssuerCertificate(issuer.raw).subjectName,
    publicKey,
    signingKey: privateKey,
    signingAlgorithm: SIGNING,
    // None outlives the one that signed it.
    notBefore: new Date(Math.max(wanted.notBefore.getTime(), notBeforeMs)),
    notAfter: new Date(Math.min(wanted.notAfter.getTime(), notAfterMs)),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([usage]),
      new SubjectAlternativeNameExtension(names),
      await AuthorityKeyIdentifierExtension.create(issuerKey),
    ],
  });
  return pemOf(certificate.rawData) + issuer.toString();
}

/** An IPv6 address in hexadecimal digits alone: the library cannot read "::ffff:10.0.0.1". */
function plainAddress(address: string): string {
  if (isIP(address) === 0 || address.includes("%")) throw badName(address, "IP address");
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** Whole seconds, as certificates have them. */
function validity(nowMs: number, lifetimeMs: number): { readonly notBefore: Date; readonly notAfter: Date } {
  const whole = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);
  return { notBefore: whole(nowMs - CLOCK_SKEW_MS), notAfter: whole(nowMs + lifetimeMs) };
}

function pemOf(der: ArrayBuffer): string {
  return new X509Certificate(Buffer.from(der)).toString();
}

function badName(found: string, expected: string): MpoError {
  return new MpoError("invalid-argument", `${JSON.stringify(found.slice(0, 256))} is no ${expected}`);
}
