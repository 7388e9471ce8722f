import { createHash } from "node:crypto";

/** Names all that the devices of a fleet are to trust: a device that has another digest has to catch up. */
export function trustDigest(trust: {
  readonly authoritiesPem: string;
  readonly rootPublicKey: Uint8Array;
  readonly keyDocument: Uint8Array;
}): string {
  const { authoritiesPem, rootPublicKey, keyDocument } = trust;
  return createHash("sha256").update(authoritiesPem).update(rootPublicKey).update(keyDocument).digest("hex");
}
