import { createHash } from "node:crypto";
import { publicNkeyOf, signWith } from "./nkeys.ts";

/** What a JWT of NATS says (github.com/nats-io/jwt, version 2). */
export interface NatsClaim {
  readonly name: string;
  /** Public key of whom it is about. */
  readonly subject: string;
  readonly type: "operator" | "account" | "user";
  readonly nowMs: number;
  /** Absent: it does not expire. */
  readonly expiresAtMs?: number;
  readonly content: Readonly<Record<string, unknown>>;
}

/**
 * Signs a claim. The library for it (@nats-io/jwt) is "not a supported API", reads the system's clock and signs
 * asynchronously, but a client's authenticator must answer at once.
 */
export function natsJwt(issuerSeed: string, claim: NatsClaim): string {
  const { name, subject, type, nowMs, expiresAtMs, content } = claim;
  const body = {
    iat: seconds(nowMs),
    ...(expiresAtMs === undefined ? {} : { exp: seconds(expiresAtMs) }),
    iss: publicNkeyOf(issuerSeed),
    name,
    sub: subject,
    nats: { ...content, type, version: 2 },
  };
  const jti = createHash("sha256").update(JSON.stringify(body)).digest("base64url");
  const signed = [
    { typ: "JWT", alg: "ed25519-nkey" },
    { jti, ...body },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${signed}.${Buffer.from(signWith(issuerSeed, signed)).toString("base64url")}`;
}

/** JWTs count in seconds. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
