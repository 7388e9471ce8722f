import { createPublicKey, type KeyObject } from "node:crypto";
import { MpoError } from "@mpo/core";
import { keyPairOf, publicKeyBytes, SIGNING, sha256 } from "./key.ts";
import { Pkcs10CertificateRequest, Pkcs10CertificateRequestGenerator } from "./library.ts";

/** Bytes of a request; one with a P-256 key and no names has about 200. */
const MAX_REQUEST_BYTES = 2048;

/** A public key whose holder has asked for a certificate. */
export interface RequestedKey {
  /** SPKI, DER. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** SHA-256 of it. */
  readonly keyDigest: string;
}

/** Asks for a certificate for a key, and proves that one has it. It names nobody: that is for the issuer to say. DER. */
export async function createCsr(privateKeyPem: string): Promise<Uint8Array> {
  const keys = await keyPairOf(privateKeyPem);
  const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: SIGNING });
  return new Uint8Array(request.rawData);
}

/** The key of a request whose signature shows that the sender has it. Throws `invalid-argument`. */
export async function readCsr(der: Uint8Array): Promise<RequestedKey> {
  if (der.length > MAX_REQUEST_BYTES) {
    throw refused(`has ${der.length} bytes; expected at most ${MAX_REQUEST_BYTES}`);
  }
  const publicKey = await provenKey(der);
  return { publicKey, keyDigest: sha256(publicKey) };
}

async function provenKey(der: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  let isProven: boolean;
  let key: KeyObject;
  try {
    const request = new Pkcs10CertificateRequest(new Uint8Array(der));
    key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), type: "spki", format: "der" });
    isProven = await request.verify();
  } catch (thrown) {
    throw refused("is not a PKCS #10 request of a P-256 key", thrown);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw refused("has a key that is not of the curve P-256");
  if (!isProven) throw refused("is not signed by the key that it is for");
  return publicKeyBytes(key);
}

function refused(reason: string, cause?: unknown): MpoError {
  return new MpoError("invalid-argument", `the certificate request ${reason}`, { cause });
}
