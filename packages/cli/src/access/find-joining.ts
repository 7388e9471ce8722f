import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Joining } from "@mpo/agent";
import { MpoError, USUAL_ADDRESSES } from "@mpo/core";
import { fingerprintOf, readJoinString } from "@mpo/identity";
import { type Abortable, fileError, ifFound, targetOf } from "@mpo/io";
import type { Files, Output } from "../command-context.ts";
import type { Address } from "../options/address-options.ts";
import { inClearText, readLocal } from "./find-fleet.ts";
import { secretArgument } from "./secret-argument.ts";

/** The options of an agent that say how it gets into its fleet. */
export interface JoiningOptions {
  readonly coordinator?: readonly Address[];
  readonly join?: string;
  readonly ca?: string;
  readonly insecure: boolean;
}

/** The same of a device. */
export interface JoiningState extends JoiningOptions {
  readonly isMember: boolean;
  /** What `join` stands for, where somebody has read it. */
  readonly line?: string;
  /** File with the line of a device that has asked to join, and that nobody has accepted yet. */
  readonly joinLine?: string;
}

/** How an agent gets to its fleet, and into it. */
export interface WayIn {
  /** "host:port" of each coordinator; none: where they were reached the last time. */
  readonly targets: readonly string[];
  /** Absent: everything crosses in clear text, and nobody proves who they are. */
  readonly joining?: Joining;
}

/** Finds it. Throws `unavailable` where there is none, and what `findWayIn` throws. */
export async function findJoining(
  wanted: JoiningState,
  files: Files & Output,
  options: Abortable = {},
): Promise<WayIn> {
  const way = await findWayIn(wanted, files, options);
  if (way === undefined) throw noWay(wanted.coordinator?.map(targetOf));
  return way;
}

/**
 * The same; undefined: there is none yet. A device that has joined goes back to its fleet unless another way is named, also
 * beside somebody's coordinator. Throws `invalid-argument` for options that contradict each other, and for a join string
 * that is none.
 */
export async function findWayIn(
  { coordinator: named, insecure, ca, join, isMember, joinLine, line: given }: JoiningState,
  files: Files & Output,
  options: Abortable = {},
): Promise<WayIn | undefined> {
  refuseTwo({ "--insecure": insecure, "--ca": ca !== undefined, "--join": join !== undefined });
  if (insecure) return { targets: inClearText(named ?? [USUAL_ADDRESSES.grpc]).targets };
  const targets = named?.map(targetOf);
  const line =
    given ??
    (await lineToJoin(join, ca, files, options)) ??
    (isMember || ca !== undefined || joinLine === undefined
      ? undefined
      : await ifFound(secretArgument(`@${joinLine}`, files, options)));
  if (line !== undefined) {
    const { addresses, caDigest, secret } = readJoinString(line);
    return wayIn({ coordinators: targets ?? addresses, authority: { caDigest }, token: secret });
  }
  if (ca !== undefined) {
    if (targets === undefined) {
      throw new MpoError("invalid-argument", "--ca says whom to trust, and nothing says where the coordinator is", {
        hint: "Give --coordinator HOST:PORT too.",
      });
    }
    return wayIn({
      coordinators: targets,
      authority: { caPem: await readCertificates(resolve(files.workingFolder, ca)) },
    });
  }
  if (named === undefined && isMember) return wayIn({ coordinators: [] });
  const local = await readLocal(named ?? [USUAL_ADDRESSES.grpc], files, options);
  if (local === undefined && isMember) return wayIn({ coordinators: targets ?? [] });
  if (local === undefined) return undefined;
  const { addresses, caPem, joinString } = local.join;
  const { secret: token } = readJoinString(joinString);
  const coordinators = targets !== undefined && targets.length > 1 ? targets : addresses;
  return wayIn({ coordinators, authority: { caPem }, token });
}

function noWay(targets: readonly string[] = []): MpoError {
  const where = targets.length === 0 ? "" : ` at ${targets.join(", ")}`;
  return new MpoError(
    "unavailable",
    `this device has joined no fleet yet, and no coordinator of yours${where} is on this machine`,
    {
      hint: "Start one here with `mpo coordinator`. Or join another one's fleet: there `mpo token create`, here `mpo agent --join @FILE`.",
    },
  );
}

function wayIn(joining: Joining): WayIn {
  return { joining, targets: joining.coordinators };
}

/** A service keeps naming its file, which may be gone once the device has joined. */
async function lineToJoin(
  join: string | undefined,
  ca: string | undefined,
  files: Files & Output,
  options: Abortable,
): Promise<string | undefined> {
  if (join !== undefined) return await secretArgument(join, files, options);
  const { MPO_JOIN_FILE: file = "" } = files.environment;
  return file === "" || ca !== undefined ? undefined : await ifFound(secretArgument(`@${file}`, files, options));
}

function refuseTwo(given: Readonly<Record<string, boolean>>): void {
  const [one, other] = Object.keys(given).filter((name) => given[name]);
  if (other === undefined) return;
  throw new MpoError("invalid-argument", `${one} and ${other} exclude each other`, {
    hint: "A join string vouches for the fleet's authority itself; --ca is for joining without one.",
  });
}

/** Throws for a file that holds no certificate. */
export async function readCertificates(path: string): Promise<string> {
  try {
    const pem = await readFile(path, "utf8");
    fingerprintOf(pem);
    return pem;
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  }
}
