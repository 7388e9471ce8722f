import { MpoError } from "@mpo/core";
import type { KeyDocument } from "./key-document.ts";
import { isSignedFor, signFor, signingKeyId, signingPublicKey } from "./signing-key.ts";

export interface DocumentSignature {
  /** Id of the key that made it. */
  readonly key: string;
  readonly signature: Uint8Array;
}

/** Signs the bytes of a document as they are sent. */
export function signDocument(privateKeyPem: string, bytes: Uint8Array): DocumentSignature {
  return {
    key: signingKeyId(signingPublicKey(privateKeyPem)),
    signature: signFor("mpo-document-v1", privateKeyPem, bytes),
  };
}

/** Whether one of these public keys has signed the bytes. */
export function isSignedBy(
  publicKeys: readonly string[],
  bytes: Uint8Array,
  { key: id, signature }: DocumentSignature,
): boolean {
  const key = publicKeys.find((one) => signingKeyId(one) === id);
  return key !== undefined && isSignedFor("mpo-document-v1", key, bytes, signature);
}

/** Refuses bytes that no key of the key document has signed, with `unauthenticated`. */
export function verifyDocument(
  { epoch, keys }: KeyDocument,
  bytes: Uint8Array,
  { key: id, signature }: DocumentSignature,
): void {
  const key = keys.find((one) => one.id === id);
  if (key === undefined) {
    throw new MpoError(
      "unauthenticated",
      `the document is signed by a key that the fleet does not have in epoch ${epoch}`,
    );
  }
  if (!isSignedFor("mpo-document-v1", key.public, bytes, signature)) {
    throw new MpoError("unauthenticated", "the document's signature does not fit it: one of the two was changed");
  }
}
