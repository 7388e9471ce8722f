import { isSignedFor, signFor, signingPublicKey } from "./signing-key.ts";

const BETWEEN = ".";

/** Signs what an event says, by its hash: the public key and the signature, as text. */
export function sealEvent(privateKeyPem: string, hash: Uint8Array): string {
  const signature = Buffer.from(signFor("mpo-event-v1", privateKeyPem, hash));
  return `${signingPublicKey(privateKeyPem)}${BETWEEN}${signature.toString("base64url")}`;
}

/** Whether a seal was made of this hash by one of these public keys. */
export function isSealOf(seal: string, hash: Uint8Array, publicKeys: readonly string[]): boolean {
  const [key = "", signature = ""] = seal.split(BETWEEN);
  return publicKeys.includes(key) && isSignedFor("mpo-event-v1", key, hash, Buffer.from(signature, "base64url"));
}
