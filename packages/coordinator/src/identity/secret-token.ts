import { createHash, randomBytes } from "node:crypto";

/** A secret that proves something, as it is shown once, and what is kept of it. */
export interface NewSecret {
  readonly secret: string;
  readonly digest: string;
}

/** Digits of a digest that name a token in lists. */
const ID_LENGTH = 12;

/** Makes a secret of 256 random bits. */
export function newSecret(prefix: string): NewSecret {
  const secret = `${prefix}${randomBytes(32).toString("base64url")}`;
  return { secret, digest: digestOf(secret) };
}

/** What is kept of a secret: the store, and whoever reads a copy of it, cannot prove anything with that. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** What a token is called. */
export function idOf(digest: string): string {
  return digest.slice(0, ID_LENGTH);
}
