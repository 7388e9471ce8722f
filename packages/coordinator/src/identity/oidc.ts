import { given, hasCode, MpoError } from "@mpo/core";
import { hashSecret } from "@mpo/identity";
import type { Clock } from "@mpo/io";
import { asLine, ROLES, type Role } from "@mpo/protocol";
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { VerifyPerson } from "./identify.ts";
import { type Fetch, type HeldKeys, IssuerKeys } from "./issuer-keys.ts";
import type { Person } from "./person.ts";

/** A group of the issuer's, and what its members may do. */
export interface GroupRole {
  readonly group: string;
  readonly role: Role;
  /** Absent: of all tenants. */
  readonly tenant?: string | undefined;
}

/** Whose tokens are taken, and what they are good for. */
export interface OidcSettings {
  /** Its URL, exactly as its tokens have it. */
  readonly issuer: string;
  /** Tokens must be for this client. */
  readonly clientId: string;
  readonly groupsClaim: string;
  readonly roles: readonly GroupRole[];
}

/** Of asymmetric keys alone: with HS256, whoever knows a public key could sign. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
const TOLERANCE_SECONDS = 60;
/** As much as gRPC takes of metadata. */
const MAX_TOKEN_LENGTH = 16_384;
/** People and programs at one time; more of them are verified again. */
const MAX_KNOWN = 10_000;
/** As long as the audit takes it with the name of a call. */
const NAME_LENGTH = 64;
const HOST_LENGTH = 30;

export function createOidcVerifier(
  settings: OidcSettings,
  { clock, fetch = globalThis.fetch }: { readonly clock: Clock; readonly fetch?: Fetch },
): VerifyPerson {
  const { issuer, clientId } = settings;
  const keys = new IssuerKeys(issuer, { clock, fetch });
  /** By the digest of their token, with the keys that have verified it. */
  const known = new Map<string, { readonly person: Person; readonly endsAtMs: number; readonly held: HeldKeys }>();

  const claimsOf = async (token: string, held: HeldKeys, signal?: AbortSignal): Promise<JWTPayload> => {
    const verify = async ({ find }: HeldKeys): Promise<JWTPayload> => {
      const { payload } = await jwtVerify(token, find, {
        ...{ issuer, audience: clientId, algorithms: ALGORITHMS, requiredClaims: ["exp", "sub"] },
        ...{ clockTolerance: TOLERANCE_SECONDS, currentDate: new Date(clock.now()) },
      });
      // Who asked for the token, where it says so: other programs' tokens may name us among their readers.
      if ((payload["azp"] ?? clientId) !== clientId)
        throw refused(`it is a token of ${issuer} given to another client`);
      return payload;
    };
    return await verify(held).catch(async (thrown: unknown) => {
      if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
      return await verify(await keys.after(held, signal));
    });
  };

  return async (token, signal) => {
    const digest = hashSecret(token);
    const before = known.get(digest);
    const isKnown = before !== undefined && before.endsAtMs > clock.now();
    if (!isKnown) requireTokenOf(issuer, token);
    const held = await keys.current(signal).catch((thrown: unknown) => {
      if (isKnown && hasCode(thrown, "unavailable")) return before.held;
      throw thrown;
    });
    if (isKnown && before.held === held) return before.person;
    known.delete(digest);
    const claims = await claimsOf(token, held, signal).catch((thrown: unknown) => {
      throw thrown instanceof errors.JOSEError ? refusal(thrown, settings) : thrown;
    });
    const endsAtMs = (claims.exp ?? 0) * 1000;
    const person = { ...personOf(claims, settings), expiresAtMs: endsAtMs };
    known.set(digest, { person, endsAtMs, held });
    const [oldest] = known.keys();
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    return person;
  };
}

/** Throws `unauthenticated` for what is no token of the issuer at first sight: it need not be asked. */
function requireTokenOf(issuer: string, token: string): void {
  try {
    if (token.length <= MAX_TOKEN_LENGTH && decodeJwt(token).iss === issuer) return;
  } catch (thrown) {
    if (!(thrown instanceof errors.JOSEError)) throw thrown;
  }
  throw refused(`it is neither an access token of this fleet nor a token of ${issuer}`);
}

/** What the error of jose says, without the claims and causes that it holds. */
function refusal(error: errors.JOSEError, { issuer, clientId }: OidcSettings): MpoError {
  const of = `it is a token of ${issuer}`;
  if (error instanceof errors.JWTExpired) return refused(`${of} that has expired`);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "aud") return refused(`${of} that is not for the client ${clientId}`);
    return refused(`${of} whose claim "${error.claim}" is missing or not acceptable`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return refused(`${of} that no asymmetric key has signed`);
  return refused(`it says that it is a token of ${issuer}, but none of its keys has signed it`);
}

function refused(why: string): MpoError {
  return new MpoError("unauthenticated", `the token is refused: ${why}`, { hint: "Log in again: mpo login --oidc." });
}

/** The role that reaches furthest among those of the groups. Throws `permission-denied` where there is none. */
function personOf(claims: JWTPayload, { issuer, groupsClaim, roles }: OidcSettings): Person {
  const { sub, preferred_username: preferred, [groupsClaim]: claim } = claims;
  const host = ` (${asLine(new URL(issuer).host, HOST_LENGTH)})`;
  const named = (one: unknown): string => (typeof one === "string" ? asLine(one, NAME_LENGTH - host.length) : "");
  const name = `${named(preferred) || named(sub)}${host}`;
  const groups: readonly unknown[] = Array.isArray(claim) ? claim : [claim].filter((one) => one !== undefined);
  const [best] = roles.filter(({ group }) => groups.includes(group)).sort((left, right) => reach(right) - reach(left));
  if (best !== undefined) return { name, role: best.role, ...given({ tenant: best.tenant }) };
  const what = claim === undefined ? `no claim "${groupsClaim}"` : `${groups.length} groups, and none with a role here`;
  throw new MpoError("permission-denied", `the token of ${name} has ${what}`, {
    hint: "An admin gives a group a role with --oidc-role GROUP=ROLE of `mpo coordinator`, and names the claim with --oidc-groups-claim.",
  });
}

/** A higher role first; of one role, that of all tenants. */
function reach({ role, tenant }: GroupRole): number {
  return 2 * ROLES.indexOf(role) + (tenant === undefined ? 1 : 0);
}
