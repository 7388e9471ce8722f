import { resolve } from "node:path";
import { formatDuration, given, MpoError, SECOND_MS } from "@mpo/core";
import { systemClock, targetOf } from "@mpo/io";
import type { Asking } from "../command-context.ts";
import { withAccess } from "../fleet/with-admin.ts";
import type { Address } from "../options/address-options.ts";
import { type FleetAccess, findWay } from "./find-fleet.ts";
import { readCertificates } from "./find-joining.ts";
import { keptLogin } from "./keep-login.ts";
import { type LoggedIn, letIn } from "./log-in.ts";
import { type DevicePage, logInAtProvider } from "./oidc-login.ts";

/** Which fleet somebody wants to log in to, without a line that says it. */
export interface Whereto {
  readonly coordinator?: readonly Address[];
  readonly context?: string;
  /** File with the certificates of the fleet's authorities. */
  readonly ca?: string;
}

/** Logs in with an account of the OpenID provider that the fleet's coordinator names. */
export async function logInByOidc(where: Whereto, asking: Asking): Promise<LoggedIn> {
  const way = await wayTo(where, asking);
  const { oidc: provider } = await withAccess(way, asking, ({ admin, call }) => admin.getAuthority({}, call));
  if (provider === undefined) {
    throw new MpoError("unsupported", `the coordinator at ${way.targets.join(", ")} has no OpenID provider`, {
      hint: "Start it with --oidc-issuer URL, --oidc-client-id ID and --oidc-role GROUP=ROLE; or log in with a line of `mpo access create`: mpo login @FILE.",
    });
  }
  const { signal } = asking;
  const login = await logInAtProvider(provider, { signal, clock: systemClock, show: (page) => show(page, asking) });
  const { context, expiresAtMs, ...who } = await letIn({ ...way, token: login.token }, asking);
  return {
    ...who,
    // It is renewed before that.
    ...(login.refreshToken === undefined ? { expiresAtMs } : {}),
    context: { ...context, ...keptLogin(login) },
  };
}

async function wayTo({ ca, coordinator, context }: Whereto, asking: Asking): Promise<FleetAccess> {
  if (ca === undefined) {
    const where = { insecure: false, ...given({ coordinator, context }) };
    const { targets, caPem, from } = await findWay(where, asking, asking);
    return { targets, from, ...given({ caPem }) };
  }
  if (coordinator === undefined) {
    throw new MpoError("invalid-argument", "--ca says whom to trust, and nothing says where the coordinator is", {
      hint: "Give --coordinator HOST:PORT too.",
    });
  }
  const caPem = await readCertificates(resolve(asking.workingFolder, ca));
  return { targets: coordinator.map(targetOf), caPem, from: ca };
}

/** Also with --quiet: without it nobody can log in. */
function show({ url, code, validMs }: DevicePage, { terminal }: Asking): void {
  terminal.record({ event: "approve", url, code, validMs });
  terminal.complain(`open ${url}`);
  terminal.complain(`and approve the code ${code}, within ${formatDuration(validMs / SECOND_MS)}`);
}
