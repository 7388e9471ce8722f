import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { checked, type Fact, fact, MpoError } from "@mpo/core";
import { readPrivateJson, writePrivateJson } from "@mpo/identity";
import { type Abortable, ifFound } from "@mpo/io";
import type { GetAuthorityResponse } from "@mpo/protocol";
import type { Files } from "../command-context.ts";

/** Where a fleet's coordinators are, how they are known, and who one is there. */
export type FleetContext = Fact<typeof contextSchema>;
const contextSchema = fact.object({
  /** Host and port of each. */
  coordinators: fact.list(fact.text(1, 255), 1, 8),
  /** The certificates of the fleet's authorities. */
  caPem: fact.text(1, 65_536, { hasLines: true }),
  token: fact.secret(8192),
  /** Whose devices are meant where nothing says so. */
  tenant: fact.name().optional(),
  /** Where the token is of a login at an OpenID provider: what renews it. */
  oidc: fact
    .object({
      issuer: fact.text(1, 512),
      clientId: fact.text(1, 256),
      expiresAtMs: fact.timestampMs(),
      refreshToken: fact.secret(8192).optional(),
    })
    .optional(),
});

const contextsSchema = fact.object({
  /** Absent: none is in use. */
  current: fact.name().optional(),
  contexts: fact.list(fact.object({ name: fact.name(), context: contextSchema }), 0, 100),
});

/** The fleets that this user has logged in to, by name. */
export interface Contexts {
  readonly current: string | undefined;
  readonly all: ReadonlyMap<string, FleetContext>;
}

const MAX_BYTES = 8 * 2 ** 20;

/** `mpoptimizer/contexts.json` in `XDG_CONFIG_HOME` or `~/.config`. By XDG's rules a relative variable does not count. */
export function contextsFile({ XDG_CONFIG_HOME: named = "", HOME: home = "" }: Files["environment"]): string {
  const base = isAbsolute(named) ? named : join(home === "" ? homedir() : home, ".config");
  return join(base, "mpoptimizer", "contexts.json");
}

export async function readContexts(
  { environment }: Pick<Files, "environment">,
  options?: Abortable,
): Promise<Contexts> {
  const path = contextsFile(environment);
  const read = readPrivateJson(path, (value, place) => checked(contextsSchema, value, place), {
    ...{ maxBytes: MAX_BYTES, ...options },
    hint: `Move ${path} away, and log in again: mpo login.`,
  });
  const { current, contexts } = (await ifFound(read)) ?? { contexts: [] };
  return { current, all: new Map(contexts.map(({ name, context }) => [name, context])) };
}

export async function writeContexts(
  { current, all }: Contexts,
  { environment }: Pick<Files, "environment">,
  options?: Abortable,
): Promise<void> {
  const contexts = [...all].map(([name, context]) => ({ name, context }));
  await writePrivateJson(contextsFile(environment), { current, contexts }, options);
}

/** The context of a name, or the one in use. Throws `not-found`. */
export function contextNamed(
  { all, current }: Contexts,
  named?: string,
): readonly [name: string, context: FleetContext] {
  const name = named ?? current;
  const found = name === undefined ? undefined : all.get(name);
  if (name !== undefined && found !== undefined) return [name, found];
  throw new MpoError("not-found", name === undefined ? "no context is in use" : `there is no context ${name}`, {
    hint: "List those that there are: mpo context list. Log in to another fleet: mpo login.",
  });
}

/** Forgets a context, or the one in use; the result is its name. Throws `not-found`. */
export async function removeContext(
  name: string | undefined,
  files: Pick<Files, "environment">,
  options?: Abortable,
): Promise<string> {
  const { all, current } = await readContexts(files, options);
  const [removed] = contextNamed({ all, current }, name);
  const rest = new Map([...all].filter(([one]) => one !== removed));
  await writeContexts({ current: current === removed ? undefined : current, all: rest }, files, options);
  return removed;
}

/** Lets the context that a command works with trust these authorities alone; nothing where it works with none. */
export async function refreshContext(
  { context, coordinator }: { readonly context?: string; readonly coordinator?: unknown },
  certificates: GetAuthorityResponse["certificates"],
  files: Pick<Files, "environment">,
  options?: Abortable,
): Promise<void> {
  const caPem = certificates.map(({ certificatePem }) => certificatePem).join("");
  const { all, current } = await readContexts(files, options);
  const name = context ?? (coordinator === undefined ? current : undefined);
  const before = name === undefined ? undefined : all.get(name);
  if (name === undefined || before === undefined || before.caPem === caPem) return;
  await writeContexts({ current, all: new Map(all).set(name, { ...before, caPem }) }, files, options);
}
