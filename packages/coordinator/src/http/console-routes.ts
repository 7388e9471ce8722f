import { given } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { type AdminServiceMethods, openApi } from "@mpo/protocol";
import { type Identify, TokenBuckets } from "@mpo/transport";
import type { Services } from "../api/services.ts";
import type { Coordinator } from "../coordinator.ts";
import { ADMIN_ACCESS } from "../identity/access-table.ts";
import type { VerifyPerson } from "../identity/identify.ts";
import { API, apiRoute } from "./api-routes.ts";
import type { Callers } from "./caller.ts";
import { eventRoute } from "./event-route.ts";
import { type CodeFlow, oidcRoutes } from "./oidc-routes.ts";
import { OwnOrigin } from "./own-origin.ts";
import { at, type Route } from "./route.ts";
import { sendJson } from "./send.ts";
import { SessionCookie } from "./session-cookie.ts";
import { type SessionParts, sessionRoutes } from "./session-routes.ts";
import { type StaticFiles, staticRoute } from "./static-files.ts";

export interface ConsoleParts {
  readonly coordinator: Coordinator;
  readonly services: Services;
  /** Absent: nobody proves who they are. */
  readonly identify: Identify | undefined;
  readonly isOverTls: boolean;
  /** Absent: they are not part of this installation. */
  readonly pages: StaticFiles | undefined;
  /** How people sign in at an OpenID provider; absent: they do not. */
  readonly oidc?: { readonly flow: CodeFlow; readonly verify: VerifyPerson } | undefined;
  readonly version: string;
  readonly clock: Clock;
}

/** What one address may try in the long run, and at once: a person mistypes, a program guesses. */
const ATTEMPTS = { perSecond: 1, burst: 20 };

/** What pages and programs ask over HTTP. */
export function consoleRoutes(parts: ConsoleParts): readonly Route[] {
  const { coordinator, services, identify, isOverTls, pages, oidc, clock } = parts;
  const { callsPerSecond, consoleUrl } = coordinator.settings;
  const { identities, metrics, consoleApi } = coordinator;
  const origin = new OwnOrigin({ isOverTls, consoleUrl });
  const callers: Callers = {
    ...{ identify, origin, cookie: new SessionCookie({ isSecure: origin.isSecure }) },
    isSession: async (token, signal) => (await identities?.accessTokens.isSession(token, { signal })) === true,
  };
  const buckets = new TokenBuckets({ perSecond: callsPerSecond, burst: 4 * callsPerSecond });
  const [, admin] = services;
  const common = { admin, callers, buckets, clock };
  const signing: SessionParts = {
    ...{ callers, consoleApi, accessTokens: identities?.accessTokens },
    ...{ attempts: new TokenBuckets(ATTEMPTS), monotonicMs: () => clock.monotonicMs() },
    about: () => given({ fleet: identities?.authority.view.fleet, oidc: oidc && providerOf(coordinator) }),
  };
  return [
    eventRoute(common),
    openApiRoute(parts.version),
    apiRoute({ ...common, onRefused: (path) => metrics.refused(path) }),
    ...sessionRoutes(signing),
    ...(oidc === undefined ? [] : oidcRoutes({ ...signing, flow: oidc.flow, personOf: oidc.verify })),
    staticRoute(pages),
  ];
}

function providerOf({ settings }: Coordinator): { readonly issuer: string } {
  return { issuer: settings.oidc?.issuer ?? "" };
}

/** The same for everybody: what it says is in the sources, too. */
function openApiRoute(version: string): Route {
  let made: ReturnType<typeof openApi> | undefined;
  return at("GET", `${API}openapi.json`, ({ response }) => {
    made ??= openApi({ version, needs: needsOf, prefix: API });
    sendJson(response, 200, made);
  });
}

function needsOf(call: keyof AdminServiceMethods): string {
  const access = ADMIN_ACCESS[call];
  if (access === "anybody") return "no role";
  return `the role ${access.role} of ${access.of === "fleet" ? "the whole fleet" : "the tenant that it names"}`;
}
