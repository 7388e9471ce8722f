import { existsSync } from "node:fs";
import { join } from "node:path";
import { given } from "@mpo/core";
import { makeFolder } from "@mpo/io";
import { claimFolder } from "@mpo/runtime";
import { TrustedTime } from "../config/trusted-time.ts";
import { type EnrolOnceOptions, enrolOnce, memberStanding, type Standing } from "../identity/enrol-once.ts";
import { fleetDoor } from "../identity/fleet-door.ts";
import { identityFiles } from "../identity/identity-files.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { systemMonitor } from "../system/system-monitor.ts";
import type { AgentDaemonOptions } from "./agent-daemon.ts";

export interface JoinDeviceOptions
  extends Pick<
      AgentDaemonOptions,
      "settings" | "dataFolder" | "deviceClass" | "systemRoot" | "clock" | "random" | "logger"
    >,
    Pick<EnrolOnceOptions, "joining" | "patienceMs"> {
  /** Joins although it has joined before. */
  readonly isAgain: boolean;
  readonly signal: AbortSignal;
}

/** Makes this machine a part of a fleet, before its agent runs or while it waits for that. Throws as `enrolOnce` does. */
export async function joinDevice(options: JoinDeviceOptions): Promise<Standing> {
  const { settings, dataFolder, clock, logger, signal, deviceClass, systemRoot } = options;
  await makeFolder(dataFolder);
  const files = identityFiles(dataFolder);
  // An agent that runs has the folder; its files may be read all the same.
  const known =
    options.isAgain || !existsSync(files.membership) ? undefined : await memberStanding({ files, logger }, signal);
  if (known !== undefined) return known;
  await using _claim = await claimFolder(dataFolder, { hint: "Stop that agent first." });
  const { agentVersion, engineVersion, identity: wish, labels } = settings;
  const monitor = systemMonitor({
    ...{ clock, dataFolder, agentVersion, engineVersion, architecture: process.arch, nodeVersion: process.version },
    timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...given({ deviceClass, systemRoot }),
  });
  const disk = await openFolderDisk(join(dataFolder, "state"));
  const time = await TrustedTime.open({ disk, clock, logger }, [settings.releasedAtMs]);
  const common = { files, door: fleetDoor(options), inventory: await monitor.inventory() };
  const standing = await enrolOnce({ ...options, ...common, wish, labels, time }, signal);
  await time.keep();
  return standing;
}
