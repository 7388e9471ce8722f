import type { Clock } from "@mpo/io";
import { type Identify, TokenBuckets } from "@mpo/transport";
import type { Services } from "../api/services.ts";
import type { Coordinator } from "../coordinator.ts";
import { apiRoute } from "./api-routes.ts";
import type { Callers } from "./caller.ts";
import { eventRoute } from "./event-route.ts";
import { OwnOrigin } from "./own-origin.ts";
import type { Route } from "./route.ts";
import { SessionCookie } from "./session-cookie.ts";

export interface ConsoleParts {
  readonly coordinator: Coordinator;
  readonly services: Services;
  /** Absent: nobody proves who they are. */
  readonly identify: Identify | undefined;
  readonly isOverTls: boolean;
  readonly clock: Clock;
}

/** What pages and programs ask over HTTP. */
export function consoleRoutes({ coordinator, services, identify, isOverTls, clock }: ConsoleParts): readonly Route[] {
  const { callsPerSecond } = coordinator.settings;
  const { identities, metrics } = coordinator;
  const origin = new OwnOrigin({ isOverTls });
  const callers: Callers = {
    identify,
    origin,
    cookie: new SessionCookie({ isSecure: origin.isSecure }),
    isSession: async (token, signal) => (await identities?.accessTokens.isSession(token, { signal })) === true,
  };
  const buckets = new TokenBuckets({ perSecond: callsPerSecond, burst: 4 * callsPerSecond });
  const [, admin] = services;
  const common = { admin, callers, buckets, clock };
  return [apiRoute({ ...common, onRefused: (path) => metrics.refused(path) }), eventRoute(common)];
}
