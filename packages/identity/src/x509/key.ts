import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  webcrypto,
} from "node:crypto";
import { promisify } from "node:util";
import { MpoError } from "@mpo/core";
import { remembered } from "../remembered.ts";

/** How certificates and requests are signed. */
export const SIGNING: { readonly name: "ECDSA"; readonly namedCurve: "P-256"; readonly hash: "SHA-256" } = {
  name: "ECDSA",
  namedCurve: "P-256",
  hash: "SHA-256",
};

/** A new private key (P-256), as PEM. */
export async function createKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

/** The key pair of a private key as PEM, as WebCrypto has it. Throws `invalid-data`. */
export const keyPairOf: (privateKeyPem: string) => Promise<webcrypto.CryptoKeyPair> = remembered(
  async (privateKeyPem) => {
    const privateKey = readPrivateKey(privateKeyPem);
    const secret = privateKey.export({ type: "pkcs8", format: "der" });
    return {
      privateKey: await webcrypto.subtle.importKey("pkcs8", secret, SIGNING, false, ["sign"]),
      publicKey: await webcrypto.subtle.importKey("spki", publicKeyBytes(privateKey), SIGNING, true, ["verify"]),
    };
  },
);

/** SHA-256 of the public key (SPKI, DER) of a private key as PEM: what a coordinator knows a device by. */
export function keyDigestOf(privateKeyPem: string): string {
  return sha256(publicKeyBytes(readPrivateKey(privateKeyPem)));
}

/** A private key of P-256. Throws `invalid-data`, which says nothing of the key. */
export const readPrivateKey: (privateKeyPem: string) => KeyObject = remembered((privateKeyPem) => {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(privateKeyPem);
  } catch {
    // The reason may hold pieces of what was read.
  }
  if (key?.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new MpoError("invalid-data", "this is not a private key of the curve P-256 in PEM");
  }
  return key;
});

/**
 * The public key in its one form (SPKI, DER): a point can be written in several ways, which must not give several digests.
 * Throws `invalid-data` when it is not of P-256.
 */
export function publicKeyBytes(key: KeyObject): Uint8Array<ArrayBuffer> {
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new MpoError("invalid-data", "this is not a key of the curve P-256");
  }
  const { kty, crv, x, y } = key.export({ format: "jwk" });
  const plain = createPublicKey({ key: { kty, crv, x, y } as JsonWebKey, format: "jwk" });
  return new Uint8Array(plain.export({ type: "spki", format: "der" }));
}

/** SHA-256 of a public key of any kind (SPKI, DER). */
export function digestOfKey(key: KeyObject): string {
  const isOurs = key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return sha256(isOurs ? publicKeyBytes(key) : key.export({ type: "spki", format: "der" }));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
