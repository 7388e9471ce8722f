import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import { identityFiles, joinDevice } from "@mpo/agent";
import { given, MpoError } from "@mpo/core";
import { writePrivateFile } from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { findJoining } from "../access/find-joining.ts";
import { secretArgument } from "../access/secret-argument.ts";
import type { Files, Output, Stop } from "../command-context.ts";
import { asOwner, requireRights } from "./as-owner.ts";
import { commandLogger } from "./command-logger.ts";
import { type AgentCommandOptions, dataFolderOf, settingsFrom } from "./run-agent-command.ts";

export interface JoinCommandOptions extends AgentCommandOptions {
  readonly again: boolean;
  readonly wait: number;
  /** The config file that counts, where it is that of an installed system. */
  readonly installed?: string | undefined;
}

type Context = Files & Output & Stop;

/** The unit of an installed agent. */
const UNIT = "mpo-agent.service";

/** Makes this device a part of a fleet; on an installed system as the agent's user, whose service then starts. */
export async function runJoinCommand(
  line: string | undefined,
  options: JoinCommandOptions,
  context: Context,
): Promise<void> {
  const { terminal, signal } = context;
  const settings = settingsFrom(options);
  const dataFolder = dataFolderOf(options, settings.identity, context);
  requireRights(options, context, "mpo agent join @FILE");
  const logger = commandLogger(terminal, options.logLevel ?? "silent");
  // Before rights are given up: the file may be root's.
  const named = line ?? options.join;
  const secret = named === undefined ? undefined : await secretArgument(named, context, { signal });
  const { joining } = await findJoining({ ...options, ...given({ line: secret }), isMember: false }, context, context);
  if (joining === undefined) {
    throw new MpoError("invalid-argument", "with --insecure nobody proves who they are, and no device joins");
  }
  const service = serviceOf(options);
  const files = identityFiles(dataFolder);
  const mayStop = options.again || !existsSync(files.membership);
  if (mayStop) await service?.stop();
  try {
    const join = async () => {
      const common = {
        clock: systemClock,
        random: Math.random,
        logger,
        signal,
        ...given({ deviceClass: options.class }),
      };
      const asked = await joinDevice({
        ...{ ...common, settings, dataFolder, joining, isAgain: options.again, patienceMs: options.wait },
      });
      if (asked.kind === "pending" && secret !== undefined) await writePrivateFile(files.joinLine, `${secret}\n`);
      else await rm(files.joinLine, { force: true });
      return asked;
    };
    const standing = await asOwner(dataFolder, join, { isInstalled: options.installed !== undefined });
    const { kind, identity, coordinators, key } = standing;
    const { tenant, device } = identity;
    terminal.record({ event: kind, device, tenant, coordinator: coordinators.join(", "), key, data: dataFolder });
    const at = coordinators.join(", ");
    const ofTenant = tenant === "default" ? "" : ` --tenant ${tenant}`;
    if (kind === "member") {
      terminal.line(`${device} has joined a fleet already, at ${at}: nothing has changed`);
      terminal.line("hint: to join another one, or this one again: --again");
    } else if (kind === "joined") terminal.line(`${device} has joined the fleet at ${at}`);
    else {
      terminal.line(`${device} has asked to join the fleet at ${at}; somebody has to accept it`);
      terminal.line(
        `next: there: mpo devices accept ${device}${ofTenant}    (its key begins with ${key.slice(0, 12)})`,
      );
    }
    if (kind !== "member" && service === undefined) {
      terminal.line(`next: mpo agent${options.data === undefined ? "" : ` --data ${dataFolder}`}`);
    }
  } finally {
    if (mayStop) await service?.start();
  }
  if (mayStop && service !== undefined) terminal.line(`the agent runs: systemctl status ${UNIT}`);
}

/** The agent as systemd runs it; undefined: it does not, or this user may not ask it. */
function serviceOf({ installed }: JoinCommandOptions): { stop(): Promise<void>; start(): Promise<void> } | undefined {
  const isThere = installed !== undefined && process.geteuid?.() === 0 && existsSync("/run/systemd/system");
  if (!isThere) return undefined;
  const systemctl = async (...args: readonly string[]): Promise<void> => {
    try {
      await promisify(execFile)("systemctl", [...args]);
    } catch (cause) {
      throw new MpoError("unavailable", `systemctl ${args.join(" ")} failed`, {
        cause,
        hint: `See: systemctl status ${UNIT}`,
      });
    }
  };
  return { stop: () => systemctl("stop", UNIT), start: () => systemctl("enable", "--now", UNIT) };
}
