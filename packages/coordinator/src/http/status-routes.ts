import { hasCode } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { Metrics } from "./metrics.ts";
import { at, type Exchange, type Route } from "./route.ts";
import { sendText } from "./send.ts";

export interface StatusParts {
  readonly metrics: Metrics;
  /** Why it is not ready; empty: it is. */
  readonly notReady: () => Promise<readonly string[]>;
  readonly logger: Logger;
  /** Throws for a token that is not good, and `permission-denied` for one that may not see the whole fleet. Absent: anybody may. */
  readonly admit?: ((token: string) => unknown) | undefined;
}

/** `/metrics` for Prometheus, `/healthz` (the process answers) and `/readyz` (the store takes writes and the indexes are full). */
export function statusRoutes({ metrics, notReady, logger, admit }: StatusParts): readonly Route[] {
  const guarded = (path: string, what: string, answer: (exchange: Exchange) => Promise<void> | void): Route =>
    at("GET", path, async (exchange) => {
      const { request, response } = exchange;
      const refusal = admit && refusalOf(request.headers.authorization, admit);
      if (refusal === 403) return sendText(response, 403, "the access token is for one tenant only\n");
      if (refusal !== undefined) {
        response.setHeader("www-authenticate", "Bearer");
        return sendText(response, 401, "an access token is needed: Authorization: Bearer TOKEN (mpo access create)\n");
      }
      try {
        await answer(exchange);
      } catch (thrown) {
        logger.error(`the ${what} could not be read`, { err: thrown });
        sendText(response, 500, "internal error\n");
      }
    });
  return [
    guarded("/healthz", "health", ({ response }) => sendText(response, 200, "ok\n")),
    guarded("/readyz", "readiness", async ({ response }) => {
      const why = await notReady();
      sendText(response, why.length === 0 ? 200 : 503, `${why.join("; ") || "ok"}\n`);
    }),
    guarded("/metrics", "metrics", async ({ response }) => {
      const { type, text } = await metrics.page();
      sendText(response, 200, text, type);
    }),
  ];
}

/** Why a request is not answered; undefined: it is. */
function refusalOf(authorization: string | undefined, admit: (token: string) => unknown): 401 | 403 | undefined {
  const token = bearerIn(authorization);
  if (token === undefined) return 401;
  try {
    admit(token);
    return undefined;
  } catch (thrown) {
    return hasCode(thrown, "permission-denied") ? 403 : 401;
  }
}

/** The token of an `Authorization` header. */
export function bearerIn(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,4096})$/u.exec(authorization ?? "")?.[1];
}
