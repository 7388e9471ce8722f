import type { DeviceIdentity as CertifiedDevice, RequestedKey } from "@mpo/identity";
import type { DeviceIdentity, DocumentSignature, GetAuthorityResponse } from "@mpo/protocol";

/** A device's certificate with that of its authority, and when it ends. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly endsAtMs: number;
}

/** What all devices of a fleet are to trust. */
export interface Trust {
  readonly authoritiesPem: string;
  readonly rootPublicKey: Uint8Array;
  readonly keyDocument: Uint8Array;
  /** SHA-256 of all of it. */
  readonly digest: string;
}

/** With what a coordinator vouches for devices and documents. Coordinators of one fleet have the same. */
export interface FleetAuthority {
  readonly trust: Trust;
  /** Of the keys that sign documents. */
  readonly epoch: number;
  readonly view: GetAuthorityResponse;
  sign(document: Uint8Array): readonly DocumentSignature[];
  /** Whether a signature of a document is the fleet's, by its keys of today or before. */
  hasSigned(document: Uint8Array, signature: DocumentSignature): boolean;
  /** Signs the hash of an event. */
  seal(hash: Uint8Array): string;
  /** Whether a seal is the fleet's, by its keys of today or before. */
  isSealOf(seal: string, hash: Uint8Array): boolean;
  /** Throws `invalid-argument` for a request that is not one, or that its key has not signed. */
  readRequest(request: Uint8Array): Promise<RequestedKey>;
  /** A certificate for the key of a request, which was read: its holder has proven to have it. */
  issue(key: RequestedKey, identity: DeviceIdentity): Promise<IssuedCertificate>;
  /**
   * The device of a certificate that TLS has verified, and whether the fleet's own authority issued that. Throws
   * `unauthenticated` where it is of none that the fleet accepts now, or no device's.
   */
  deviceOf(certificate: Buffer): CertifiedDevice & { readonly isOwn: boolean };
  /** The JWT of a user of NATS that may read the device's documents. */
  natsUser(identity: DeviceIdentity, natsPublicKey: string): string;
  /** The line with which a device joins. */
  joinString(secret: string): string;
  /** The line with which a person or program logs in. */
  loginString(secret: string): string;
  /** Calls a listener when other keys are in use, until the returned function is called. */
  onChange(listener: () => void): () => void;
  rotateAuthority(options: { readonly isDistrusting: boolean }): Promise<void>;
  /** A new key that signs documents; with its public key where the root key that must vouch for it is kept elsewhere. */
  rotateKeys(): Promise<{ readonly epoch: number; readonly publicKey?: Uint8Array | undefined }>;
  installKeys(keyDocument: Uint8Array): Promise<{ readonly epoch: number }>;
}
