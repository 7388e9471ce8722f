import { checked, fact, MpoError } from "@mpo/core";
import { type Abortable, untilAborted } from "@mpo/io";
import type { Person } from "../identity/person.ts";
import { at, type Exchange, type Route } from "./route.ts";
import { cookieNamed } from "./session-cookie.ts";
import { SESSION, type SessionParts, signedIn } from "./session-routes.ts";

/** A login at an OpenID provider by a browser's pages: the authorization code flow with PKCE (RFC 7636). */
export interface CodeFlow {
  /** Where the browser goes, and what its way back is checked against. */
  begin(redirectUri: string, options: Abortable): Promise<{ readonly url: string; readonly kept: KeptLogin }>;
  /** The ID token of whoever comes back. Throws `unauthenticated`, `permission-denied` (denied), `unavailable`. */
  finish(cameBackTo: string, kept: KeptLogin, options: Abortable): Promise<string>;
}

/** What the browser keeps between the two, and no script can read. */
export interface KeptLogin {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

export interface OidcParts extends Pick<SessionParts, "callers" | "consoleApi" | "attempts" | "monotonicMs"> {
  readonly flow: CodeFlow;
  readonly personOf: (idToken: string, signal: AbortSignal) => Promise<Person>;
}

const BEGIN = `${SESSION}/oidc`;
const CALLBACK = `${BEGIN}/callback`;
const WAY_SECONDS = 600;
const form = fact.object({
  state: fact.text(8, 256),
  nonce: fact.text(8, 256),
  verifier: fact.text(43, 128),
});

/** `GET /session/oidc` leads to the provider, and from there back to the console with a session. */
export function oidcRoutes(parts: OidcParts): readonly Route[] {
  const { callers, consoleApi, attempts, monotonicMs, flow, personOf } = parts;
  const { origin } = callers;
  const name = origin.isSecure ? "__Host-mpo-oidc" : "mpo-oidc";
  // Lax: the way back begins at the provider's page, and a strict cookie would not come with it.
  const attributes = `Path=/; HttpOnly; SameSite=Lax${origin.isSecure ? "; Secure" : ""}`;
  const leading = (answer: (exchange: Exchange) => Promise<string>) => async (exchange: Exchange) => {
    const { request, response, peer, signal } = exchange;
    origin.requireOwnHost(request);
    const to = await (attempts.take(peer, monotonicMs())
      ? untilAborted(answer(exchange), signal)
      : Promise.reject(new MpoError("unavailable", "busy: too many tries to sign in"))
    ).catch((thrown: unknown) => {
      const { message, code } = MpoError.from(thrown);
      const words = code === "internal" ? "the login failed; see the coordinator's log" : message;
      return `/sign-in#error=${encodeURIComponent(words)}`;
    });
    response.writeHead(302, { location: to, "cache-control": "no-store" }).end();
  };
  return [
    at(
      "GET",
      BEGIN,
      leading(async ({ request, response, signal }) => {
        const { url, kept } = await flow.begin(`${origin.of(request)}${CALLBACK}`, { signal });
        const value = Buffer.from(JSON.stringify(kept)).toString("base64url");
        response.appendHeader("set-cookie", `${name}=${value}; Max-Age=${WAY_SECONDS}; ${attributes}`);
        return url;
      }),
    ),
    at(
      "GET",
      CALLBACK,
      leading(async (exchange) => {
        const { request, response, signal, query } = exchange;
        const kept = keptIn(cookieNamed(request.headers.cookie, name));
        response.appendHeader("set-cookie", `${name}=; Max-Age=0; ${attributes}`);
        const idToken = await flow.finish(`${origin.of(request)}${CALLBACK}?${query}`, kept, { signal });
        const person = await personOf(idToken, signal);
        // A strict cookie does not come with this request: what the browser had is not known here, and is replaced.
        await signedIn({ callers, consoleApi }, exchange, person, { by: "OpenID provider" });
        return "/";
      }),
    ),
  ];
}

function keptIn(cookie: string | undefined): KeptLogin {
  try {
    return checked(form, JSON.parse(Buffer.from(cookie ?? "", "base64url").toString("utf8")), "the login");
  } catch {
    throw new MpoError("unauthenticated", "this browser has not begun a login, or began it too long ago");
  }
}
