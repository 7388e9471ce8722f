import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { type Authority, checkedAuthority } from "./authority.ts";
import { readPrivateFile } from "./private-file.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What the bytes are, bound to them: they serve as nothing else. */
const KIND = Buffer.from("mpo-authority-v1");

/** The 32 bytes with which replicas wrap their authority before the store gets it. Throws as `readPrivateFile` does. */
export async function readWrappingKey(path: string, options: Abortable = {}): Promise<Uint8Array> {
  const key = await readPrivateFile(path, { maxBytes: 4096, ...options });
  if (key.length === KEY_BYTES) return key;
  throw new MpoError("invalid-data", `${path} has ${key.length} bytes; expected a key of ${KEY_BYTES}`, {
    hint: `Make one: (umask 077; head -c ${KEY_BYTES} /dev/urandom > FILE), and give the same to every coordinator.`,
  });
}

/** An authority that only holders of the key can read, or change unnoticed: nonce, tag, and what was encrypted. */
export function wrapAuthority(authority: Authority, key: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(KIND);
  const encrypted = Buffer.concat([cipher.update(JSON.stringify(authority)), cipher.final()]);
  return new Uint8Array(Buffer.concat([nonce, cipher.getAuthTag(), encrypted]));
}

export function unwrapAuthority(bytes: Uint8Array, key: Uint8Array): Authority {
  const place = "the authority in the store";
  let text: string;
  try {
    const at = NONCE_BYTES + TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(KIND)
      .setAuthTag(bytes.subarray(NONCE_BYTES, at));
    text = Buffer.concat([decipher.update(bytes.subarray(at)), decipher.final()]).toString();
  } catch {
    throw new MpoError("precondition-failed", `${place} was wrapped with another key, or was changed`, {
      hint: "Give this coordinator the key file that the others of the fleet have.",
    });
  }
  return checkedAuthority(JSON.parse(text), place);
}
