import { isIP } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { MpoError } from "@mpo/core";
import {
  type Authority,
  bytesOfBase64url,
  type DeviceIdentity as CertifiedDevice,
  type CertifiedKey,
  COORDINATOR_NAME,
  createSigningKey,
  deviceOfCertificate,
  deviceUserJwt,
  epochOf,
  fingerprintOf,
  type HeldIdentity,
  isDnsName,
  isIssuedBy,
  isSealOf,
  isSignedBy,
  issueDeviceCertificate,
  issueServerCertificate,
  joinString,
  keyDocumentOf,
  loginString,
  NATS_NAME,
  type RequestedKey,
  readCsr,
  rotateCertificateAuthority,
  rotateSigningKey,
  sealEvent,
  signDocument,
  signingPublicKey,
  trustDigest,
  trustedCertificates,
  validityOf,
  verifyKeyDocument,
  withRetired,
} from "@mpo/identity";
import { type Clock, Listeners } from "@mpo/io";
import { type DeviceIdentity, type DocumentSignature, deviceKey, type GetAuthorityResponse } from "@mpo/protocol";
import { fleetClaims } from "@mpo/transport";
import type { FleetAuthority, IssuedCertificate, Trust } from "./authority.ts";

/** Where an authority is kept, and who else must hear that it has changed. */
export interface KeysPorts {
  readonly clock: Clock;
  /** How long certificates are good, milliseconds. */
  readonly certificateValidMs: number;
  /** Where coordinators are reached, "host:port". */
  readonly addresses: () => readonly string[];
  /** By which hosts people reach this coordinator with a browser, which goes by the name. Agents and commands have names of their own. */
  readonly hosts?: readonly string[];
  /** Reads devices' certificates of other authorities. Absent: none are accepted. */
  readonly foreignDevice?: ((certificate: Buffer) => CertifiedDevice) | undefined;
  /** The authority of what the listeners show, as PEM, where it is another one. */
  readonly listenerAuthority?: () => string | undefined;
  /** Keeps an authority in the place of the one before. Throws `conflict` when another coordinator has changed that. */
  readonly save: (next: Authority, before: Authority) => Promise<void>;
}

/**
 * After so many lifetimes of a certificate every device has renewed its own, and trusts the newer authority with it: then
 * the servers show its certificates.
 */
const LIFETIMES_TO_FOLLOW = 2;

/** A fleet's keys in use. Coordinators of one fleet hold the same, and take over what one of them has changed. */
export class FleetKeys implements FleetAuthority {
  readonly #ports: KeysPorts;
  readonly #listeners = new Listeners();
  #authority: Authority;
  #trust: Trust;
  #epoch: number;
  /** The certificate is the same object for all calls of a connection. */
  #devices = new WeakMap<Buffer, ReturnType<FleetAuthority["deviceOf"]>>();
  /** A key that waits for the root key's signature. */
  #waiting: string | undefined;

  constructor(authority: Authority, ports: KeysPorts) {
    this.#ports = ports;
    this.#authority = authority;
    this.#trust = trustOf(authority, ports.listenerAuthority?.());
    this.#epoch = epochOf(authority);
  }

  get authority(): Authority {
    return this.#authority;
  }

  get trust(): Trust {
    return this.#trust;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get view(): GetAuthorityResponse {
    const { fleetId, certificateAuthorities, rootKeyPem } = this.#authority;
    const own = certificateAuthorities.map(({ certificatePem }) => certificatePem);
    const other = this.#ports.listenerAuthority?.();
    return {
      fleet: fleetId,
      certificates: [...own, ...(other === undefined ? [] : [other])].map((certificatePem) => ({
        digest: fingerprintOf(certificatePem),
        certificatePem,
        endsAtMs: validityOf(certificatePem).notAfterMs,
      })),
      rootPublicKey: this.#trust.rootPublicKey,
      isRootOffline: rootKeyPem === undefined,
      epoch: this.#epoch,
      certificateValidMs: this.#ports.certificateValidMs,
    };
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Takes over what another coordinator has changed; false: it is not newer. Throws `precondition-failed` for another fleet's. */
  take(authority: Authority): boolean {
    const { fleetId } = this.#authority;
    if (authority.fleetId !== fleetId) {
      throw new MpoError("precondition-failed", `this authority is of ${authority.fleetId}, not of ${fleetId}`);
    }
    if (epochOf(authority) < this.#epoch || isDeepStrictEqual(authority, this.#authority)) return false;
    this.#authority = authority;
    this.refresh();
    return true;
  }

  /** The authority or what surrounds it has changed. */
  refresh(): void {
    this.#trust = trustOf(this.#authority, this.#ports.listenerAuthority?.());
    this.#epoch = epochOf(this.#authority);
    this.#devices = new WeakMap();
    this.#listeners.call();
  }

  sign(document: Uint8Array): readonly DocumentSignature[] {
    return [signDocument(this.#authority.signingKeyPem, document)];
  }

  seal(hash: Uint8Array): string {
    return sealEvent(this.#authority.signingKeyPem, hash);
  }

  isSealOf(seal: string, hash: Uint8Array): boolean {
    return isSealOf(seal, hash, this.#signers());
  }

  hasSigned(document: Uint8Array, signature: DocumentSignature): boolean {
    return isSignedBy(this.#signers(), document, signature);
  }

  readRequest(request: Uint8Array): Promise<RequestedKey> {
    return readCsr(request);
  }

  async issue({ publicKey }: RequestedKey, { tenant, device }: DeviceIdentity): Promise<IssuedCertificate> {
    const certificatePem = await issueDeviceCertificate(this.#issuer, { publicKey, tenant, device, ...this.#lifetime });
    return { certificatePem, endsAtMs: validityOf(certificatePem).notAfterMs };
  }

  deviceOf(certificate: Buffer): ReturnType<FleetAuthority["deviceOf"]> {
    const device = this.#devices.get(certificate) ?? this.#readDevice(certificate);
    this.#devices.set(certificate, device);
    return device;
  }

  #readDevice(certificate: Buffer): ReturnType<FleetAuthority["deviceOf"]> {
    const { certificateAuthorities } = this.#authority;
    // Ours issue directly; whatever else TLS has verified is of another authority.
    if (certificateAuthorities.some(({ certificatePem }) => isIssuedBy(certificate, certificatePem))) {
      return { ...deviceOfCertificate(certificate), isOwn: true };
    }
    const { foreignDevice } = this.#ports;
    if (foreignDevice !== undefined) return { ...foreignDevice(certificate), isOwn: false };
    throw new MpoError("unauthenticated", "this certificate is of an authority that the fleet trusts no longer", {
      hint: "The device has to join again: mpo agent --join.",
    });
  }

  /** A certificate with which a coordinator's listener or its NATS servers show who they are. */
  async issueServer(): Promise<HeldIdentity> {
    const { hosts = [] } = this.#ports;
    const ipAddresses = hosts.filter((host) => isIP(host) !== 0);
    const names = hosts.map((host) => host.toLowerCase()).filter((host) => isIP(host) === 0 && isDnsName(host));
    const dnsNames = [COORDINATOR_NAME, NATS_NAME, ...names];
    const pair = await issueServerCertificate(this.#serverIssuer, { dnsNames, ipAddresses, ...this.#lifetime });
    return { ...pair, caPem: trustedCertificates(this.#authority) };
  }

  natsUser(identity: DeviceIdentity, natsPublicKey: string): string {
    const nowMs = this.#ports.clock.now();
    const times = { nowMs, expiresAtMs: nowMs + this.#ports.certificateValidMs };
    return deviceUserJwt(this.#authority.nats, { key: deviceKey(identity), publicNkey: natsPublicKey, ...times });
  }

  /** What NATS servers must know. `revocations`: when users were revoked, by their public keys. */
  claims(revocations?: ReadonlyMap<string, number>): ReturnType<typeof fleetClaims> {
    const { nats, fleetId } = this.#authority;
    return fleetClaims(nats, { fleetId, nowMs: this.#ports.clock.now(), revocations });
  }

  joinString(secret: string): string {
    return joinString({ ...this.#invitation, secret });
  }

  loginString(secret: string): string {
    return loginString({ ...this.#invitation, secret });
  }

  async rotateAuthority({ isDistrusting }: { readonly isDistrusting: boolean }): Promise<void> {
    const nowMs = this.#ports.clock.now();
    await this.#use(await rotateCertificateAuthority(this.#authority, { nowMs, keepsOlder: !isDistrusting }));
  }

  async rotateKeys(): Promise<{ readonly epoch: number; readonly publicKey?: Uint8Array | undefined }> {
    if (this.#authority.rootKeyPem !== undefined) {
      await this.#use(rotateSigningKey(this.#authority, { nowMs: this.#ports.clock.now() }));
      return { epoch: this.#epoch };
    }
    this.#waiting = createSigningKey();
    return { epoch: this.#epoch + 1, publicKey: bytesOfBase64url(signingPublicKey(this.#waiting)) };
  }

  async installKeys(keyDocument: Uint8Array): Promise<{ readonly epoch: number }> {
    const signingKeyPem = this.#waiting;
    if (signingKeyPem === undefined) {
      throw new MpoError("precondition-failed", "no new key waits to be vouched for", {
        hint: "Begin again, with this coordinator: mpo keys rotate --root FILE.",
      });
    }
    const { epoch, keys } = verifyKeyDocument(this.#authority.rootPublic, keyDocument, this.#epoch + 1);
    const publicKey = signingPublicKey(signingKeyPem);
    if (!keys.some((key) => key.public === publicKey)) {
      throw new MpoError("invalid-argument", "the key document vouches for other keys than the one that waits");
    }
    const text = Buffer.from(keyDocument).toString("base64url");
    const retiredKeys = withRetired(this.#authority);
    await this.#use({ ...this.#authority, signingKeyPem, keyDocument: text, retiredKeys });
    this.#waiting = undefined;
    return { epoch };
  }

  async #use(authority: Authority): Promise<void> {
    await this.#ports.save(authority, this.#authority);
    this.take(authority);
  }

  /** Public keys that sign, or have signed. */
  #signers(): readonly string[] {
    const { signingKeyPem, retiredKeys = [] } = this.#authority;
    return [signingPublicKey(signingKeyPem), ...retiredKeys];
  }

  get #lifetime(): { readonly nowMs: number; readonly lifetimeMs: number } {
    return { nowMs: this.#ports.clock.now(), lifetimeMs: this.#ports.certificateValidMs };
  }

  get #issuer(): CertifiedKey {
    return this.#authority.certificateAuthorities[0] as CertifiedKey;
  }

  /** The newest whose certificates every device believes; where none is that old, the oldest. */
  get #serverIssuer(): CertifiedKey {
    const { certificateAuthorities } = this.#authority;
    const beforeMs = this.#ports.clock.now() - LIFETIMES_TO_FOLLOW * this.#ports.certificateValidMs;
    const followed = certificateAuthorities.find(
      ({ certificatePem }) => validityOf(certificatePem).notBeforeMs < beforeMs,
    );
    return followed ?? (certificateAuthorities.at(-1) as CertifiedKey);
  }

  get #invitation(): { readonly addresses: readonly string[]; readonly caDigest: string } {
    const caDigest = fingerprintOf(this.#ports.listenerAuthority?.() ?? this.#serverIssuer.certificatePem);
    return { addresses: this.#ports.addresses(), caDigest };
  }
}

function trustOf(authority: Authority, listenerAuthority = ""): Trust {
  const authoritiesPem = trustedCertificates(authority) + listenerAuthority;
  const [rootPublicKey, keyDocument] = [bytesOfBase64url(authority.rootPublic), keyDocumentOf(authority)];
  const trust = { authoritiesPem, rootPublicKey, keyDocument };
  return { ...trust, digest: trustDigest(trust) };
}
