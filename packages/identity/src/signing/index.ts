export { isSignedBy, signDocument, verifyDocument } from "./document-signature.ts";
export { isSealOf, sealEvent } from "./event-seal.ts";
export { type KeyDocument, signKeyDocument, verifyKeyDocument } from "./key-document.ts";
export { createSigningKey, signingPublicKey } from "./signing-key.ts";
export { trustDigest } from "./trust-digest.ts";
