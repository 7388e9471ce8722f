import { checked, fact, given, MpoError } from "@mpo/core";
import { readLoginString } from "@mpo/identity";
import type { Json } from "@mpo/protocol";
import type { TokenBuckets } from "@mpo/transport";
import type { ApiCall } from "../api/api-call.ts";
import type { ConsoleApi } from "../api/console-api.ts";
import type { AccessTokens, MadeToken } from "../identity/access-tokens.ts";
import type { Person } from "../identity/person.ts";
import { type Callers, callerOf, requireOwnPage } from "./caller.ts";
import { readJson } from "./read-json.ts";
import { at, type Exchange, type Route } from "./route.ts";
import { sendError, sendJson } from "./send.ts";

export interface SessionParts {
  readonly callers: Callers;
  readonly consoleApi: ConsoleApi;
  /** Absent: nobody proves who they are, and nobody signs in. */
  readonly accessTokens: AccessTokens | undefined;
  /** What one address may try. */
  readonly attempts: TokenBuckets;
  readonly monotonicMs: () => number;
  /** What anybody may know before they have signed in. */
  readonly about: () => { readonly fleet?: string; readonly oidc?: { readonly issuer: string } };
}

export const SESSION = "/session";
/** A line of `mpo access create`, or a token of a provider, which gRPC takes up to here. */
const MAX_SECRET = 16_384;
/** Any call that whoever is proven may make. */
const ANY_CALL = "/mpo.v1.AdminService/WhoAmI";

const proof = fact.object({
  // As it was copied: with the end of its line.
  token: fact.secret(MAX_SECRET, { hasLines: true }).optional(),
  code: fact.secret(128).optional(),
});

/** Signing in and out, and whether somebody is. */
export function sessionRoutes(parts: SessionParts): readonly Route[] {
  const { callers, consoleApi, attempts, monotonicMs } = parts;
  return [
    at("GET", SESSION, async (exchange) => sendJson(exchange.response, 200, await stateOf(parts, exchange))),
    at("POST", SESSION, async (exchange) => {
      const { response, request, signal, requestId, peer } = exchange;
      requireFromHere(callers, exchange);
      if (!attempts.take(peer, monotonicMs())) {
        const busy = new MpoError("unavailable", "busy: too many tries to sign in", { hint: "Wait a few seconds." });
        return sendError(response, busy, requestId, 429);
      }
      if (parts.accessTokens === undefined) {
        throw new MpoError("precondition-failed", "this coordinator runs with --insecure: nobody has to sign in");
      }
      const given = checked(proof, await readJson(request, signal, 2 * MAX_SECRET), "the sign-in", "invalid-argument");
      const by = given.code === undefined ? "token" : "code";
      const person =
        given.code === undefined
          ? await personOfToken(callers, exchange, given.token)
          : await parts.accessTokens.redeem(given.code, { signal });
      const before = callers.cookie.read(request);
      const { expiresAtMs } = await signedIn({ callers, consoleApi }, exchange, person, { by, before });
      sendJson(response, 200, { person: shown({ ...person, expiresAtMs }) });
    }),
    at("DELETE", SESSION, async (exchange) => {
      const { response, request } = exchange;
      requireFromHere(callers, exchange);
      const session = callers.cookie.read(request);
      if (session !== undefined && parts.accessTokens !== undefined) {
        const person = await callerOf(callers, exchange, ANY_CALL).catch(() => undefined);
        await consoleApi.signOut(session, callOf(exchange, person));
      }
      callers.cookie.clear(response);
      response.writeHead(204, { "cache-control": "no-store" });
      response.end();
    }),
  ];
}

/** Makes a session, always a new one, and gives it to the browser. */
export async function signedIn(
  { callers, consoleApi }: Pick<SessionParts, "callers" | "consoleApi">,
  exchange: Exchange,
  person: Person,
  signing: Omit<Parameters<ConsoleApi["signIn"]>[1], keyof ApiCall>,
): Promise<MadeToken["token"]> {
  const { secret, token } = await consoleApi.signIn(person, { ...callOf(exchange, person), ...signing });
  callers.cookie.set(exchange.response, secret, token.expiresAtMs - token.createdAtMs);
  return token;
}

function requireFromHere({ origin }: Callers, exchange: Exchange): void {
  origin.requireOwnHost(exchange.request);
  requireOwnPage(origin, exchange);
}

async function personOfToken({ identify }: Callers, { peer }: Exchange, token: string | undefined): Promise<Person> {
  if (token === undefined) throw new MpoError("invalid-argument", "the sign-in has neither a token nor a code");
  const text = token.trim();
  const bearer = text.startsWith("mpo-login-") ? readLoginString(text).secret : text;
  const person = await identify?.person({ claimed: undefined, peer, bearer }, ANY_CALL);
  if (person === undefined) throw new MpoError("unauthenticated", "the token proves nothing");
  return person as Person;
}

async function stateOf({ callers, accessTokens, about }: SessionParts, exchange: Exchange): Promise<Json> {
  callers.origin.requireOwnHost(exchange.request);
  const person = await callerOf(callers, exchange, ANY_CALL).catch(() => undefined);
  const needsSignIn = accessTokens !== undefined;
  const isSignedIn = !needsSignIn || person !== undefined;
  return { isSignedIn, needsSignIn, ...about(), ...(person === undefined ? {} : { person: shown(person) }) };
}

function shown({ name, role, tenant, expiresAtMs }: Person): { readonly [key: string]: Json } {
  return { name, role, ...given({ tenant, expiresAtMs }) } as { readonly [key: string]: Json };
}

function callOf({ signal, requestId }: Exchange, person: Person | undefined): ApiCall {
  return { signal, requestId, person };
}
