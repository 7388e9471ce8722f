import { rm } from "node:fs/promises";
import { join } from "node:path";
import { given } from "@mpo/core";
import { linkSignals, makeFolder } from "@mpo/io";
import type { DeviceIdentity } from "@mpo/protocol";
import { claimFolder } from "@mpo/runtime";
import { TrustedTime } from "../config/trusted-time.ts";
import { type Agent, createAgent } from "../core/agent.ts";
import type { AgentPorts } from "../core/agent-ports.ts";
import type { AgentSettings } from "../core/agent-settings.ts";
import { fleetDoor } from "../identity/fleet-door.ts";
import { type FleetMember, joinFleet } from "../identity/fleet-member.ts";
import { identityFiles } from "../identity/identity-files.ts";
import type { Joining } from "../identity/joining.ts";
import { memberArtifacts, memberLink } from "../identity/member-link.ts";
import { jobEngine } from "../job/job-engine.ts";
import type { CpuShare } from "../job/step-back.ts";
import type { AgentEngine } from "../ports/agent-engine.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { modelShelf } from "../serving/model-shelf.ts";
import { servingFolder } from "../serving/serving-folder.ts";
import { findJobGroups } from "../system/job-groups.ts";
import { machineMarks } from "../system/machine-marks.ts";
import { SystemFiles } from "../system/system-files.ts";
import { systemMonitor } from "../system/system-monitor.ts";
import { untilClassChanges } from "../system/watch-class.ts";
import { runTogether } from "../work/run-together.ts";
import type { FleetConnection } from "./connect-fleet.ts";

export interface AgentDaemonOptions
  extends Pick<AgentPorts, "clock" | "random" | "logger" | "tracing" | "limitsFile" | "onTurn"> {
  readonly settings: AgentSettings;
  /** How the device gets into its fleet, which may give it another name. Default: it is who it says, and proves nothing. */
  readonly joining?: Joining | undefined;
  /** Makes its ports to the fleet, as whom the fleet knows it. `member`: with what it proves that. */
  readonly connect: (identity: DeviceIdentity, member: FleetMember | undefined) => Promise<FleetConnection>;
  /** Where the agent keeps its journal, documents and memory. One agent a folder. */
  readonly dataFolder: string;
  /** The serving program's folders, one sub-folder a model. */
  readonly servingRoot: string;
  /** Default: made from board, cores, memory, power mode and clocks. */
  readonly deviceClass?: string;
  /**
   * Behave as a machine with so much memory would: the agent and its children use it up, what else runs here does not.
   * For several devices on one machine.
   */
  readonly memoryLimitBytes?: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where `/proc` and `/sys` are. Default: "/". */
  readonly systemRoot?: string;
  /** How probes and windows share the processors with other programs. Default: "leftover". */
  readonly cpuShare?: CpuShare;
  /** Default: each job in a process of its own. */
  readonly engine?: AgentEngine;
  readonly onReady?: (agent: Agent) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs the agent of this machine until the signal aborts. The process itself never loads TensorFlow. Throws
 * `already-exists` when another agent uses the data folder, `unsupported` where memory cannot be read, and what `joinFleet`
 * does.
 */
export async function runAgentDaemon(options: AgentDaemonOptions): Promise<void> {
  const { settings, dataFolder, servingRoot, clock, random, environment, signal } = options;
  await makeFolder(dataFolder);
  await using _claim = await claimFolder(dataFolder, {
    hint: "One agent per folder: stop that one, or give this one a data folder of its own.",
  });
  const temporaryFolder = join(dataFolder, "work");
  // What the jobs of a killed agent left.
  await rm(temporaryFolder, { recursive: true, force: true });
  const { agentVersion, engineVersion } = settings;
  const { deviceClass, memoryLimitBytes, systemRoot, cpuShare } = options;
  const monitor = systemMonitor({
    ...{ clock, dataFolder, agentVersion, engineVersion, architecture: process.arch, nodeVersion: process.version },
    timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...given({ deviceClass, memoryLimitBytes, systemRoot }),
  });
  const disk = await openFolderDisk(join(dataFolder, "state"));
  const time = await TrustedTime.open({ disk, clock, logger: options.logger }, [settings.releasedAtMs]);
  let member: FleetMember | undefined;
  try {
    const { joining, logger } = options;
    const wish = { wish: settings.identity, labels: settings.labels, inventory: await monitor.inventory() };
    const here = { files: identityFiles(dataFolder), door: fleetDoor(options), time, clock, random, logger };
    member = joining && (await joinFleet({ joining, ...wish, ...here }, signal));
  } catch (thrown) {
    // Stopped before it was let in.
    if (signal.aborted) return;
    throw thrown;
  }
  const jobGroups = options.engine === undefined ? await findJobGroups({ root: systemRoot }) : undefined;
  if (jobGroups !== undefined) {
    if ("why" in jobGroups) options.logger.info("jobs are watched, and have no control groups", { why: jobGroups.why });
    else options.logger.info("each job has a control group of its own, which limits its memory");
  }
  const groups = jobGroups && "groups" in jobGroups ? jobGroups.groups : undefined;
  const machine = await machineMarks(new SystemFiles(systemRoot));
  const runAs = async (identity: DeviceIdentity): Promise<void> => {
    const logger = options.logger.child({ tenant: identity.tenant, deviceId: identity.device });
    using ends = linkSignals(signal);
    const connection = await options.connect(identity, member);
    try {
      const link = member === undefined ? connection.link : memberLink(connection.link, member, () => time.nowMs());
      const fetching = connection.artifacts;
      const artifacts = fetching && member ? memberArtifacts(fetching, member) : fetching;
      const agent = await createAgent(
        { ...settings, identity },
        {
          ...{ clock, random, monitor, logger, machine, disk, time, link, connectFeed: connection.connectFeed },
          ...given({ limitsFile: options.limitsFile, verify: member?.verify, onTurn: options.onTurn }),
          ...given({ tracing: options.tracing }),
          engine: options.engine ?? jobEngine({ environment, temporaryFolder, groups, ...given({ cpuShare }) }),
          artifacts: artifacts && { link: artifacts, shelf: modelShelf({ root: servingRoot, clock, random }) },
          serving: servingFolder({ root: servingRoot, clock, logger, random }),
        },
      );
      logger.info("the agent is up", { applied: agent.snapshot().applied, floor: agent.snapshot().floor });
      options.onReady?.(agent);
      await runTogether(ends.signal, [
        (all) => agent.run({ signal: all }),
        async (all) => {
          await untilClassChanges({ monitor, clock, logger, lookMs: settings.modeLookMs }, all);
          // What it runs by, and what others measured, is for another class now: it begins again, and says hello as it is.
          ends.abort();
        },
        async (all) => {
          await member?.run(all);
          // Under another name everything begins again.
          if (member !== undefined) ends.abort();
        },
      ]);
    } finally {
      connection.close();
    }
  };
  do await runAs(member?.identity ?? settings.identity);
  while (!signal.aborted);
}
