import { type KeyDocument, verifyDocument } from "@mpo/identity";
import type { VerifyEnvelope } from "../config/document-check.ts";

/** Looks at signatures with the fleet's keys. `onUnknown` hears of a document by a key that is not among them. */
export function envelopeVerifier(keys: () => KeyDocument, onUnknown: () => void): VerifyEnvelope {
  return ({ document, signatures }) => {
    const keyDocument = keys();
    const { epoch } = keyDocument;
    if (signatures.length === 0) return { kind: "refused", reason: "unsigned", message: "nobody has signed it" };
    const known = signatures.filter(({ key }) => keyDocument.keys.some(({ id }) => id === key));
    if (known.length === 0) {
      onUnknown();
      const signers = signatures.map(({ key }) => key).join(", ");
      const message = `it is signed by ${signers}, which is no key of the fleet in epoch ${epoch}`;
      return { kind: "refused", reason: "other-key", message };
    }
    let message = "";
    for (const signature of known) {
      try {
        verifyDocument(keyDocument, document, signature);
        return { kind: "signed", epoch };
      } catch (thrown) {
        ({ message } = thrown as Error);
      }
    }
    return { kind: "refused", reason: "mixed-up", message };
  };
}
