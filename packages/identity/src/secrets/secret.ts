import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Bytes of a secret: nobody guesses 256 bits, so that a plain hash of it is enough. */
export const SECRET_BYTES = 32;

const OPERATOR_PREFIX = "mpo_";
const JOIN_PREFIX = "mpoj_";

/** A new token for a person or a program. */
export function createOperatorToken(): string {
  return OPERATOR_PREFIX + randomBytes(SECRET_BYTES).toString("base64url");
}

/** A new secret that lets a device into the fleet. */
export function createJoinSecret(): string {
  return joinSecretOf(randomBytes(SECRET_BYTES));
}

export function joinSecretOf(bytes: Uint8Array): string {
  return JOIN_PREFIX + Buffer.from(bytes).toString("base64url");
}

/** Undefined for what is no join secret. */
export function joinSecretBytes(secret: string): Uint8Array | undefined {
  const bytes = Buffer.from(secret.slice(JOIN_PREFIX.length), "base64url");
  return bytes.length === SECRET_BYTES && joinSecretOf(bytes) === secret ? bytes : undefined;
}

/** What a store keeps of a secret: its SHA-256, 64 hexadecimal digits. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether a hash is this secret's. Takes as long whether it is or not. */
export function isHashOf(hash: string, secret: string): boolean {
  const [left, right] = [Buffer.from(hash), Buffer.from(hashSecret(secret))];
  return left.length === right.length && timingSafeEqual(left, right);
}
