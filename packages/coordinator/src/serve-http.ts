import { type Abortable, type Clock, hereOf, isEverywhere, isLoopback, targetOf } from "@mpo/io";
import type { Identify, TlsSource } from "@mpo/transport";
import { type Services, servicesOf } from "./api/services.ts";
import type { Coordinator } from "./coordinator.ts";
import { consoleRoutes } from "./http/console-routes.ts";
import { type HttpServer, startHttpServer } from "./http/http-server.ts";
import type { Route } from "./http/route.ts";
import { readStaticFiles } from "./http/static-files.ts";
import { statusRoutes } from "./http/status-routes.ts";
import { identifyBy, type VerifyPerson } from "./identity/identify.ts";
import { createOidcVerifier } from "./identity/oidc.ts";
import { requireRole } from "./identity/person.ts";
import type { RunOptions } from "./run-options.ts";
import type { ResolvedSettings } from "./settings.ts";

/** What both listeners serve, and how callers prove who they are. */
export interface Served {
  readonly services: Services;
  /** Absent: nobody proves who they are. */
  readonly identify: Identify | undefined;
  /** Proves people by tokens of an OpenID provider; absent: there is none. */
  readonly verify: VerifyPerson | undefined;
}

export function servedBy(coordinator: Coordinator, clock: Clock): Served {
  const { oidc } = coordinator.settings;
  const verify = oidc && createOidcVerifier(oidc, { clock });
  const { identities } = coordinator;
  return { services: servicesOf(coordinator), identify: identities && identifyBy(identities, clock, verify), verify };
}

interface HttpParts extends Abortable {
  readonly coordinator: Coordinator;
  /** Absent: nobody proves who they are, and everything crosses in clear text. */
  readonly tls: TlsSource | undefined;
  readonly served: Served;
  readonly clock: Clock;
}

/** Serves state, API and console at the address of the settings. */
export async function serveHttp(
  options: Pick<RunOptions, "consoleFolder" | "codeFlow" | "version" | "logger">,
  { coordinator, tls: given, served, clock, signal }: HttpParts,
): Promise<HttpServer> {
  const { logger, consoleFolder, codeFlow: flow, version = "0.0.0" } = options;
  const { host, port } = coordinator.settings.http;
  // On loopback, whoever can log in to the machine may look at the state; and nobody can listen on the way.
  const tls = isLoopback(host) ? undefined : given;
  const admit = (token: string): void => {
    const person = coordinator.identities?.accessTokens.personOf(token);
    if (person !== undefined) requireRole(person, { role: "viewer" }, "the fleet's state");
  };
  const { metrics } = coordinator;
  const status = { metrics, notReady: () => coordinator.notReady(), logger };
  const pagesAndApi = async (): Promise<readonly Route[]> =>
    consoleRoutes({
      ...{ coordinator, ...served, isOverTls: tls !== undefined, version, clock },
      pages: consoleFolder === undefined ? undefined : await readStaticFiles(consoleFolder, { signal }),
      oidc: flow === undefined || served.verify === undefined ? undefined : { flow, verify: served.verify },
    });
  return await startHttpServer({
    ...{ host, port, tls, logger },
    routes: [
      ...statusRoutes({ ...status, ...(tls === undefined ? {} : { admit }) }),
      ...(coordinator.settings.console ? await pagesAndApi() : []),
    ],
  });
}

/** Where people open the console; undefined: it is turned off. */
export function consoleUrlOf(
  { console, consoleUrl, advertise }: ResolvedSettings,
  { address, isOverTls }: Pick<HttpServer, "address" | "isOverTls">,
): string | undefined {
  if (!console) return undefined;
  const host = isEverywhere(address.host) ? (advertise[0] ?? hereOf(address.host)) : address.host;
  return consoleUrl ?? `${isOverTls ? "https" : "http"}://${targetOf({ ...address, host })}`;
}
