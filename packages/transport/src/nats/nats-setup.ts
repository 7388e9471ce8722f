import { hasCode, MpoError } from "@mpo/core";
import { credsFile, type NatsAuthority, type NatsClaims, roleSeed, roleUserJwt } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import type { NatsLink } from "./nats-link.ts";
import { pushJwt } from "./push-account.ts";
import { tlsText, trustText } from "./server/server-config.ts";

/** What those who run a cluster of NATS need for a fleet. Only `coordinatorCreds` is secret. */
export interface NatsSetup {
  /** For the configuration of each server. */
  readonly config: string;
  /** The coordinator's user, for other clients of NATS; a coordinator that has the fleet's authority needs none. */
  readonly coordinatorCreds: string;
}

interface NatsSetupOptions {
  /** Where servers keep the accounts. A relative path counts from where a server runs. */
  readonly accountsFolder: string;
  /** Where they find their certificate and its key, in one file. */
  readonly pairFile: string;
  readonly nowMs: number;
  /** Of the credentials. */
  readonly expiresAtMs: number;
}

export function natsSetup(authority: NatsAuthority, claims: NatsClaims, options: NatsSetupOptions): NatsSetup {
  const { accountsFolder, pairFile, ...times } = options;
  return {
    config: `${trustText(claims, accountsFolder)}${tlsText(pairFile)}`,
    coordinatorCreds: credsFile(roleUserJwt(authority, "coordinator", times), roleSeed(authority, "coordinator")),
  };
}

const HINT = "Put what `mpo nats setup` prints into the configuration of each server, and start them again.";

/**
 * Checks that servers let in who has an identity of this fleet and nobody else, and take new accounts. Leaves the
 * devices' account as it is, with those that are revoked. Throws `precondition-failed` with what is missing.
 */
export async function checkNatsIdentities(
  { coordinator, system }: { readonly coordinator: NatsLink; readonly system: NatsLink },
  claims: NatsClaims,
  { signal }: Abortable = {},
): Promise<void> {
  const where = coordinator.connection.getServer();
  const fail = (what: string, cause?: unknown): never => {
    throw new MpoError("precondition-failed", `NATS at ${where} ${what}`, { hint: HINT, cause });
  };
  if ((await accountOf(coordinator, signal)) !== claims.fleet.id) {
    fail("does not look at JWTs: it trusts no operator, so everybody may do everything");
  }
  try {
    const manager = coordinator.connection.jetstreamManager({ timeout: coordinator.settings.requestTimeoutMs });
    await coordinator.within(manager, signal, "JetStream");
  } catch (thrown) {
    // Nobody leads the cluster, for now.
    if (hasCode(thrown, "timed-out")) throw thrown;
    fail("has no JetStream for the fleet's account", thrown);
  }
  try {
    await pushJwt(system, claims.fleet.jwt, { signal });
  } catch (thrown) {
    fail("takes no new accounts, so nobody can be revoked: its resolver must be of type full", thrown);
  }
}

/** Which account a server has put a link into. */
async function accountOf(link: NatsLink, signal: AbortSignal | undefined): Promise<string | undefined> {
  const asking = link.connection.request("$SYS.REQ.USER.INFO", "", { timeout: link.settings.requestTimeoutMs });
  const answer = await link.within(asking, signal, "cannot ask NATS for our account");
  return answer.json<{ readonly data?: { readonly account?: string } }>().data?.account;
}
