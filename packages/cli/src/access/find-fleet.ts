import { access, constants } from "node:fs/promises";
import { MpoError, USUAL_ADDRESSES } from "@mpo/core";
import { type LocalJoin, localJoinFile, readLocalJoin } from "@mpo/identity";
import { type Abortable, ifFound, isLoopback, systemClock, targetOf } from "@mpo/io";
import type { Files } from "../command-context.ts";
import { INSTALLED_STATE_FOLDER, stateFolder } from "../fleet/state-folder.ts";
import type { Address } from "../options/address-options.ts";
import type { FleetOptions } from "../options/fleet-options.ts";
import { type Contexts, contextNamed, type FleetContext, readContexts } from "./contexts.ts";
import { freshContext, type KeptToken, renewalDueMs } from "./keep-login.ts";

/** Where a fleet's coordinators are, how they are known, and who asks. */
export interface FleetAccess extends KeptToken {
  /** "host:port" of each. */
  readonly targets: readonly string[];
  /** The authorities to trust; absent: everything crosses in clear text. */
  readonly caPem?: string;
  /** What says so, for people: `context home`. */
  readonly from: string;
}

/** The options that say which fleet is meant. */
type Where = Pick<FleetOptions, "coordinator" | "context" | "insecure">;

/**
 * Finds the way to a fleet. A coordinator that is named is known by the local join file that it left on this machine, else
 * by the context that has it. Where none is named: the context that is named, else the one in use, else the local join
 * file of the usual port.
 */
export async function findFleet(where: Where, files: ReadFiles, options?: Abortable): Promise<FleetAccess> {
  const { name, context, ...access } = await findWay(where, files, options);
  return name === undefined || context === undefined
    ? access
    : await freshAccess(name, context, access, files, options);
}

type ReadFiles = Pick<Files, "environment">;

/** A way to a fleet, and the context that it is from, if it is. */
interface Way extends FleetAccess {
  readonly name?: string;
  readonly context?: FleetContext;
}

/** The same, with a token as it was left: it may have ended. */
export async function findWay(where: Where, files: ReadFiles, options?: Abortable): Promise<Way> {
  const { coordinator: named, insecure } = where;
  if (insecure) return inClearText(named ?? [USUAL_ADDRESSES.grpc]);
  const targets = named?.map(targetOf);
  const contexts = await readContexts(files, options);
  if (where.context !== undefined) return ofContext(where.context, contexts, targets);
  if (named !== undefined && targets !== undefined) {
    const local = await localAccess(named, files, options);
    if (local !== undefined) return local;
    const name = contextWith(targets, contexts);
    if (name !== undefined) return ofContext(name, contexts, targets);
    throw unknown(named);
  }
  if (contexts.current !== undefined) return ofContext(contexts.current, contexts);
  const usual = [USUAL_ADDRESSES.grpc];
  const local = await localAccess(usual, files, options);
  if (local !== undefined) return local;
  throw unknown(usual);
}

/** The context that a command works with where it names no coordinator; undefined: none. */
export async function contextInUse(
  { context, coordinator, insecure }: Partial<Where>,
  files: Pick<Files, "environment">,
): Promise<FleetContext | undefined> {
  if (insecure === true) return undefined;
  const contexts = await readContexts(files);
  const name =
    context ?? (coordinator === undefined ? contexts.current : contextWith(coordinator.map(targetOf), contexts));
  return name === undefined ? undefined : contexts.all.get(name);
}

/** Refuses addresses that others can reach: everything there could be read. */
export function inClearText(addresses: readonly Address[]): FleetAccess {
  const other = addresses.find(({ host }) => !isLoopback(host));
  if (other === undefined) return { targets: addresses.map(targetOf), from: "--insecure" };
  throw new MpoError("invalid-argument", `--insecure with ${targetOf(other)}: it is for this machine alone`, {
    hint: "Leave --insecure away: then everybody proves who they are, and nothing crosses in clear text.",
  });
}

function ofContext(name: string, contexts: Contexts, targets?: readonly string[]): Way {
  const [, context] = contextNamed(contexts, name);
  const { coordinators, caPem, token } = context;
  return { targets: targets ?? coordinators, caPem, token, from: `context ${name}`, name, context };
}

async function freshAccess(
  name: string,
  context: FleetContext,
  access: FleetAccess,
  files: ReadFiles,
  options?: Abortable,
): Promise<FleetAccess> {
  const dueMs = renewalDueMs(context);
  if (dueMs === undefined) return access;
  const fresh = await freshContext(name, context, files, { clock: systemClock, ...options });
  const { token } = fresh;
  const renew = async (signal: AbortSignal) => await freshAccess(name, fresh, access, files, { signal });
  return { ...access, token, renewal: { dueMs: renewalDueMs(fresh) ?? dueMs, renew } };
}

/** The context that has one of the coordinators: the one in use first. */
function contextWith(targets: readonly string[], { current, all }: Contexts): string | undefined {
  const names = [...(current === undefined ? [] : [current]), ...all.keys()];
  return names.find((name) => all.get(name)?.coordinators.some((one) => targets.includes(one)));
}

async function localAccess(
  addresses: readonly Address[],
  files: Pick<Files, "environment">,
  options?: Abortable,
): Promise<FleetAccess | undefined> {
  const local = await readLocal(addresses, files, options);
  if (local === undefined) return undefined;
  const { caPem, accessToken: token, ...join } = local.join;
  const targets = addresses.length > 1 ? addresses.map(targetOf) : join.addresses;
  return { targets, caPem, token, from: local.path };
}

/**
 * What a coordinator of this user on this machine has left, or the installed one, which root and its own user can read;
 * undefined: nothing.
 */
export async function readLocal(
  addresses: readonly Address[],
  { environment }: Pick<Files, "environment">,
  options?: Abortable,
): Promise<{ readonly path: string; readonly join: LocalJoin } | undefined> {
  for (const { host, port } of addresses) {
    for (const folder of [stateFolder(environment), INSTALLED_STATE_FOLDER]) {
      const path = localJoinFile(folder, port);
      if (folder === INSTALLED_STATE_FOLDER && !(await isReadable(path))) continue;
      const join = await ifFound(readLocalJoin(path, options));
      // One that listens on another address of this machine is named by it.
      if (join !== undefined && (isLoopback(host) || join.addresses.includes(targetOf({ host, port })))) {
        return { path, join };
      }
    }
  }
  return undefined;
}

async function isReadable(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

const LOG_IN = "mpo login @FILE, with the line that `mpo access create` printed";

function unknown(addresses: readonly Address[]): MpoError {
  const where = addresses.map(targetOf).join(", ");
  if (addresses.every(({ host }) => isLoopback(host))) {
    return new MpoError("unavailable", `no coordinator of yours has started at ${where} on this machine`, {
      hint: `Start one with \`mpo coordinator\`; ask an installed one by \`sudo mpo\`; or log in to another one: ${LOG_IN}. One that runs with --insecure is asked with it too.`,
    });
  }
  return new MpoError("unauthenticated", `you have not logged in to the coordinator at ${where}`, {
    hint: `Log in: ${LOG_IN}.`,
  });
}
