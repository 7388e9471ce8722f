import { createHash, randomBytes } from "node:crypto";

/** Bytes of a secret: nobody guesses 256 bits, so that a plain hash of it is enough. */
export const SECRET_BYTES = 32;

/** Whom a secret lets in: a person or program, or a device that joins. */
export type SecretKind = "operator" | "join";

const PREFIXES: Readonly<Record<SecretKind, string>> = { operator: "mpo_", join: "mpoj_" };

/** A new token for a person or a program. */
export function createOperatorToken(): string {
  return secretOf("operator", randomBytes(SECRET_BYTES));
}

/** A new secret that lets a device into the fleet. */
export function createJoinSecret(): string {
  return secretOf("join", randomBytes(SECRET_BYTES));
}

export function secretOf(kind: SecretKind, bytes: Uint8Array): string {
  return PREFIXES[kind] + Buffer.from(bytes).toString("base64url");
}

/** Undefined for what is no secret of this kind. */
export function secretBytes(kind: SecretKind, secret: string): Uint8Array | undefined {
  const bytes = Buffer.from(secret.slice(PREFIXES[kind].length), "base64url");
  return bytes.length === SECRET_BYTES && secretOf(kind, bytes) === secret ? bytes : undefined;
}

/** What a store keeps of a secret: its SHA-256, 64 hexadecimal digits. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
