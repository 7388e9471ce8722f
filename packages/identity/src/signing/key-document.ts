import { checked, type Fact, fact, MAX_UINT32, MpoError } from "@mpo/core";
import { isSignedFor, SIGNATURE_BYTES, signFor, signingKeyId } from "./signing-key.ts";

const keySchema = fact.consistent(fact.object({ id: fact.text(16, 16), public: fact.text(43, 43) }), (key, refuse) => {
  if (key.id !== signingKeyId(key.public)) refuse(["id"], key.id, "the id of the key beside it");
});

const keyDocumentSchema = fact.object({
  /** Grows when a key is retired: a document of a lower epoch counts no more. */
  epoch: fact.whole(1, MAX_UINT32),
  keys: fact.list(keySchema, 1, 8),
  issuedAtMs: fact.timestampMs(),
});

/** Which keys sign a fleet's documents. The root key signs it. */
export type KeyDocument = Fact<typeof keyDocumentSchema>;

const MAX_BYTES = 4096;

/** A key document with these public keys as it is handed out: the root key's signature, then the JSON that it is for. */
export function signKeyDocument(
  rootPrivatePem: string,
  { epoch, publicKeys, issuedAtMs }: Omit<KeyDocument, "keys"> & { readonly publicKeys: readonly string[] },
): Uint8Array {
  const keys = publicKeys.map((key) => ({ id: signingKeyId(key), public: key }));
  const document = checked(keyDocumentSchema, { epoch, keys, issuedAtMs }, "key document", "invalid-argument");
  const body = Buffer.from(JSON.stringify(document));
  return new Uint8Array(Buffer.concat([signFor("mpo-key-document-v1", rootPrivatePem, body), body]));
}

/**
 * A key document whose signature is the root key's. Throws `unauthenticated` when it is not, and when its epoch is below
 * the one that was last seen: that keys were retired is not to be undone.
 */
export function verifyKeyDocument(rootPublic: string, bytes: Uint8Array, floorEpoch: number): KeyDocument {
  if (bytes.length > MAX_BYTES) throw refused(`has ${bytes.length} bytes; expected at most ${MAX_BYTES}`);
  const [signature, body] = [bytes.subarray(0, SIGNATURE_BYTES), bytes.subarray(SIGNATURE_BYTES)];
  if (!isSignedFor("mpo-key-document-v1", rootPublic, body, signature)) {
    throw refused("is not signed by the fleet's root key");
  }
  const document = checked(keyDocumentSchema, JSON.parse(Buffer.from(body).toString()), "key document");
  if (document.epoch < floorEpoch) {
    throw refused(`is of epoch ${document.epoch}, whose keys were retired; expected ${floorEpoch} or a later one`);
  }
  return document;
}

function refused(reason: string): MpoError {
  return new MpoError("unauthenticated", `the key document ${reason}`);
}
