import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { MpoError } from "@mpo/core";
import { remembered } from "../remembered.ts";

/** What a signature is for. It is part of what is signed, so that one of a kind never serves as one of another. */
export type Purpose = "mpo-key-document-v1" | "mpo-document-v1" | "mpo-event-v1";

export const SIGNATURE_BYTES = 64;

/** A new private key (Ed25519), as PEM. */
export function createSigningKey(): string {
  return generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

/** The public key of a private one: 32 bytes in base64url. Throws `invalid-data`, which says nothing of the key. */
export const signingPublicKey: (privateKeyPem: string) => string = remembered(
  (privateKeyPem) => createPublicKey(readPrivateKey(privateKeyPem)).export({ format: "jwk" }).x as string,
);

/** A short name of a public key, which only this key has. */
export function signingKeyId(publicKey: string): string {
  return createHash("sha256").update(publicKey).digest("hex").slice(0, 16);
}

export function signFor(purpose: Purpose, privateKeyPem: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, forPurpose(purpose, bytes), readPrivateKey(privateKeyPem)));
}

export function isSignedFor(purpose: Purpose, publicKey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
    return verify(null, forPurpose(purpose, bytes), key, signature);
  } catch {
    // No key at all: nothing is signed by it.
    return false;
  }
}

function forPurpose(purpose: Purpose, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${purpose}\0`), bytes]);
}

const readPrivateKey = remembered((privateKeyPem: string): KeyObject => {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(privateKeyPem);
  } catch {
    // The reason may hold pieces of what was read.
  }
  if (key?.asymmetricKeyType !== "ed25519") {
    throw new MpoError("invalid-data", "this is not a private key of Ed25519 in PEM");
  }
  return key;
});
