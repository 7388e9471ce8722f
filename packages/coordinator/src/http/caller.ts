import { MpoError } from "@mpo/core";
import type { CallerFacts, Identify } from "@mpo/transport";
import type { Person } from "../identity/person.ts";
import type { OwnOrigin } from "./own-origin.ts";
import type { Exchange } from "./route.ts";
import type { SessionCookie } from "./session-cookie.ts";
import { bearerIn } from "./status-routes.ts";

/** How requests prove who they come from. */
export interface Callers {
  /** Absent: nobody proves who they are. */
  readonly identify?: Pick<Identify, "person"> | undefined;
  readonly cookie: SessionCookie;
  /** Whether a sign-in has made this token. */
  readonly isSession: (token: string, signal: AbortSignal) => Promise<boolean>;
  readonly origin: OwnOrigin;
}

/** What a page of ours sends with every request that may change something; other sites' pages cannot without being asked first. */
export const CONSOLE_HEADER = "x-mpo-console";

/**
 * Who asks, for a call of a path as gRPC names it: by a token in the header, or by the cookie of a session. A request that a
 * browser would also send for another site's page (it has a cookie, or nobody has to prove anything) must come from a page
 * of ours. Throws as `Identify` does.
 */
export async function callerOf(
  { identify, cookie, isSession, origin }: Callers,
  exchange: Exchange,
  callPath: string,
): Promise<Person | undefined> {
  const { request, peer, signal } = exchange;
  origin.requireOwnHost(request);
  origin.requireNoForeign(request);
  const bearer = bearerIn(request.headers.authorization);
  if (bearer === undefined && request.headers.authorization !== undefined) {
    throw new MpoError("unauthenticated", "the Authorization header is not of the form: Bearer TOKEN");
  }
  const session = bearer === undefined && identify !== undefined ? cookie.read(request) : undefined;
  if (bearer === undefined && (session !== undefined || identify === undefined)) requireOwnPage(origin, exchange);
  if (identify === undefined) return undefined;
  if (session !== undefined && !(await isSession(session, signal))) {
    throw new MpoError("unauthenticated", "the session is not known, or has ended", { hint: "Sign in again." });
  }
  const facts: CallerFacts = { claimed: undefined, peer, bearer: bearer ?? session };
  // Of our own making: more of them than the name is known here.
  return (await identify.person(facts, callPath)) as Person | undefined;
}

/** Throws `permission-denied` for a request that changes something, and may have been sent by another site's page. */
export function requireOwnPage(origin: OwnOrigin, { request }: Exchange): void {
  if (request.method === "GET" || request.method === "HEAD") return;
  if (request.headers[CONSOLE_HEADER] !== "1") {
    throw new MpoError("permission-denied", `the request has no header ${CONSOLE_HEADER}: 1`, {
      hint: "Programs send a token instead of a cookie: Authorization: Bearer TOKEN.",
    });
  }
  origin.requireOwn(request);
}
