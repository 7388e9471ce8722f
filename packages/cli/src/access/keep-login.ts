import { dirname } from "node:path";
import { hasCode } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { claimFolder, isTransient } from "@mpo/runtime";
import type { Files } from "../command-context.ts";
import { contextNamed, contextsFile, type FleetContext, readContexts, writeContexts } from "./contexts.ts";
import type { OidcLogin } from "./oidc-login.ts";

/** How long before its end a token is renewed: longer than a call takes, and clocks differ. */
const AHEAD_MS = 60_000;
const AGAIN_MS = 10_000;
const TURN_MS = 100;
const TURNS = 300;

interface KeepOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** A token, and its renewal where that is needed. */
export interface KeptToken {
  readonly token?: string;
  /** When it is due, and what gives the next one; absent: the token is good until it ends. */
  readonly renewal?: { readonly dueMs: number; readonly renew: (signal: AbortSignal) => Promise<KeptToken> };
}

/** When the token of a context has to be renewed; undefined: never. */
export function renewalDueMs({ oidc }: FleetContext): number | undefined {
  return oidc === undefined ? undefined : oidc.expiresAtMs - AHEAD_MS;
}

/** What a login is in a context. */
export function keptLogin({ token, expiresAtMs, ...oidc }: OidcLogin): Pick<FleetContext, "token" | "oidc"> {
  return { token, oidc: { ...oidc, expiresAtMs } };
}

/**
 * The context with a token that is good for a minute at least, renewed where it has to be. Without an answer of the
 * provider the one before serves until its end. Throws `unauthenticated` when the person has to log in again.
 */
export async function freshContext(
  name: string,
  context: FleetContext,
  files: Pick<Files, "environment">,
  { clock, signal }: KeepOptions,
): Promise<FleetContext> {
  if ((renewalDueMs(context) ?? Infinity) > clock.now()) return context;
  try {
    return await renewed(name, files, { clock, signal });
  } catch (thrown) {
    if (isTransient(thrown) && (context.oidc?.expiresAtMs ?? 0) > clock.now()) return context;
    throw thrown;
  }
}

/**
 * One command at a time, and what another one has renewed is taken: a provider that gets a refresh token twice takes it
 * for stolen, and ends the login.
 */
async function renewed(
  name: string,
  files: Pick<Files, "environment">,
  { clock, signal }: KeepOptions,
): Promise<FleetContext> {
  await using _ = await turn(dirname(contextsFile(files.environment)), { clock, signal });
  const [, context] = contextNamed(await readContexts(files), name);
  if (context.oidc === undefined || (renewalDueMs(context) ?? 0) > clock.now()) return context;
  // Most commands need no provider.
  const { refreshLogin } = await import("./oidc-login.ts");
  // A Ctrl-C must not come between the provider, which forgets the refresh token, and the file. It takes seconds at most.
  const login = await refreshLogin({ ...context.oidc, token: context.token }, new AbortController().signal);
  const next = { ...context, ...keptLogin(login) };
  const { current, all } = await readContexts(files);
  await writeContexts({ current, all: new Map(all).set(name, next) }, files);
  return next;
}

async function turn(folder: string, { clock, signal }: KeepOptions): Promise<AsyncDisposable> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await claimFolder(folder, { hint: "See what that process does, or end it." });
    } catch (thrown) {
      if (!hasCode(thrown, "already-exists") || tries === TURNS) throw thrown;
      await clock.sleep(TURN_MS, { signal });
    }
  }
}

/** Renews the token of an access before its end, until the signal aborts; each goes to `take`. */
export async function keepToken(
  { renewal: first }: KeptToken,
  take: (token: string | undefined) => void,
  { clock, signal }: KeepOptions & { readonly signal: AbortSignal },
): Promise<void> {
  for (let renewal = first; renewal !== undefined; ) {
    try {
      await clock.sleep(Math.max(renewal.dueMs - clock.now(), AGAIN_MS), { signal });
      const next = await renewal.renew(signal);
      take(next.token);
      renewal = next.renewal;
    } catch (thrown) {
      // What else went wrong is reported by the next call, which is refused.
      if (signal.aborted || !isTransient(thrown)) return;
    }
  }
}
