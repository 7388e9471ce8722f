import { createSigningKey, signDocument } from "@mpo/identity";
import { desiredDocumentCodec, desiredEnvelopeCodec } from "@mpo/protocol";

/** No true document gets so far: whoever runs by such a version has believed a forger. */
export const FORGED_VERSION = 1_000_000;

const FOREIGN_KEY = createSigningKey();

/** A newer document in the place of a device's own: unsigned, signed by a stranger, or under the true signature. */
export function forged(envelope: Uint8Array, draw: number): Uint8Array {
  const { document, signatures } = desiredEnvelopeCodec.fromBytes(envelope);
  const read = desiredDocumentCodec.fromBytes(document);
  const { epoch, version } = read.version;
  const bytes = desiredDocumentCodec.toBytes({ ...read, version: { epoch, version: version + FORGED_VERSION } });
  const kinds = [[], [signDocument(FOREIGN_KEY, bytes)], signatures];
  return desiredEnvelopeCodec.toBytes({ document: bytes, signatures: kinds[Math.floor(draw * kinds.length)] ?? [] });
}
