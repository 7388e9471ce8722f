import type { CoordinatorSettings } from "@mpo/coordinator";
import { isName, MpoError } from "@mpo/core";
import { ROLES } from "@mpo/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { repeated, urlOf } from "./address-options.ts";
import type { OptionParser } from "./parsers.ts";

type Oidc = NonNullable<CoordinatorSettings["oidc"]>;
type GroupRole = Oidc["roles"][number];

/** What `mpo coordinator` is given of an OpenID provider. */
export interface OidcOptions {
  readonly oidcIssuer?: string;
  readonly oidcClientId?: string;
  readonly oidcGroupsClaim: string;
  readonly oidcRole?: readonly GroupRole[];
}

export function addOidcOptions(command: Command): Command {
  return command
    .option(
      "--oidc-issuer <url>",
      "OpenID provider whose users may log in with `mpo login --oidc`, and to the console",
      urlOf("https", "http"),
    )
    .option(
      "--oidc-client-id <id>",
      "what the program is to it: a public client with the device flow, and for the console the code flow with PKCE",
    )
    .option("--oidc-groups-claim <name>", "where its ID tokens have a user's groups", "groups")
    .option("--oidc-role <group=role@tenant>", ROLE, repeated(groupRole));
}

const ROLE = `what a group may do, of one tenant or without @TENANT of all: ${ROLES.join(", ")}; may be repeated`;

/** `GROUP=ROLE[@TENANT]`; the group may hold `=` and `@`. */
export const groupRole: OptionParser<GroupRole> = (text) => {
  const [, group, word, tenant] = /^(.+)=([^=@]+)(?:@([^=@]+))?$/u.exec(text) ?? [];
  const role = ROLES.find((one) => one === word);
  if (group === undefined || role === undefined || (tenant !== undefined && !isName(tenant))) {
    throw new InvalidArgumentError(`Expected GROUP=ROLE or GROUP=ROLE@TENANT with a role of ${ROLES.join(", ")}.`);
  }
  return { group, role, ...(tenant === undefined ? {} : { tenant }) };
};

/** Undefined without a provider. Throws `invalid-argument` for one that is only half described. */
export function oidcFrom(options: OidcOptions): Oidc | undefined {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcGroupsClaim: groupsClaim, oidcRole: roles } = options;
  const parts = [issuer, clientId, roles];
  if (parts.every((part) => part === undefined)) return undefined;
  if (issuer === undefined || clientId === undefined || roles === undefined) {
    throw new MpoError("invalid-argument", "--oidc-issuer, --oidc-client-id and --oidc-role go together", {
      hint: "Give all three, or none.",
    });
  }
  return { issuer, clientId, groupsClaim, roles };
}
