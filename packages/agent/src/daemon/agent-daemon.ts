import { rm } from "node:fs/promises";
import { join } from "node:path";
import { given } from "@mpo/core";
import { makeFolder } from "@mpo/io";
import { claimFolder } from "@mpo/runtime";
import { type Agent, createAgent } from "../core/agent.ts";
import type { AgentPorts } from "../core/agent-ports.ts";
import type { AgentSettings } from "../core/agent-settings.ts";
import { jobEngine } from "../job/job-engine.ts";
import type { CpuShare } from "../job/step-back.ts";
import type { AgentEngine } from "../ports/agent-engine.ts";
import { openFolderDisk } from "../ports/folder-disk.ts";
import { servingFolder } from "../serving/serving-folder.ts";
import { machineMarks } from "../system/machine-marks.ts";
import { SystemFiles } from "../system/system-files.ts";
import { systemMonitor } from "../system/system-monitor.ts";

export interface AgentDaemonOptions
  extends Pick<AgentPorts, "link" | "connectFeed" | "clock" | "random" | "logger" | "limitsFile"> {
  readonly settings: AgentSettings;
  /** Where the agent keeps its journal, documents and memory. One agent a folder. */
  readonly dataFolder: string;
  /** The serving program's folders, one sub-folder a model. */
  readonly servingRoot: string;
  /** Default: made from board, cores and memory. */
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
 * `already-exists` when another agent uses the data folder, `unsupported` where memory cannot be read.
 */
export async function runAgentDaemon(options: AgentDaemonOptions): Promise<void> {
  const { settings, dataFolder, servingRoot, clock, random, environment, signal } = options;
  const { tenant, device } = settings.identity;
  const logger = options.logger.child({ tenant, deviceId: device });
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
    ...given({ deviceClass, memoryLimitBytes, systemRoot }),
  });
  const agent = await createAgent(settings, {
    ...{ clock, random, monitor, logger, link: options.link, connectFeed: options.connectFeed },
    ...given({ limitsFile: options.limitsFile }),
    machine: await machineMarks(new SystemFiles(systemRoot)),
    disk: await openFolderDisk(join(dataFolder, "state")),
    engine: options.engine ?? jobEngine({ environment, temporaryFolder, ...given({ cpuShare }) }),
    serving: servingFolder({ root: servingRoot, clock, logger, random }),
  });
  logger.info("the agent is up", { applied: agent.snapshot().applied, floor: agent.snapshot().floor });
  options.onReady?.(agent);
  await agent.run({ signal });
}
