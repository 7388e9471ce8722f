import { access, constants, open } from "node:fs/promises";
import { delimiter, join } from "node:path";
import {
  AGENT_RELEASED_MS,
  DEFAULT_BUDGET_POLICY,
  type DeviceMonitor,
  limitsFile,
  parseLimits,
  systemMonitor,
  workBudget,
} from "@mpo/agent";
import { formatBytes } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { connectionsWithin, FEW_OPEN_FILES, readOpenFiles } from "@mpo/runtime";
import type { DoctorContext, Finding } from "./check.ts";
import { existingParent } from "./storage-check.ts";

/** The range of `engines` in package.json. */
const OLDEST_NODE = [20, 19] as const;
const TOO_NEW_NODE = 23;

/** Node is of a version that the engine's addon is built for. */
export async function checkNode(version: string): Promise<Finding> {
  const [major = 0, minor = 0] = version.replace(/^v/u, "").split(".").map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (!isOld && major < TOO_NEW_NODE) return { state: "ok", found: version };
  return {
    state: "broken",
    found: version,
    fix: `Install Node ${OLDEST_NODE.join(".")} or newer, below ${TOO_NEW_NODE}.`,
  };
}

/** The machine reports its memory, and there is room for a retraining beside the program that serves. */
export async function checkMemory(context: DoctorContext, dataFolder: string): Promise<Finding> {
  const monitor = await monitorOf(context, dataFolder);
  const [{ memoryBytes: totalBytes }, resources] = [await monitor.inventory(), await monitor.resources()];
  const { memoryLimitBytes, memoryAvailableBytes } = resources;
  const { memoryBytes, blockedBy } = workBudget(DEFAULT_BUDGET_POLICY, resources, { totalBytes });
  const limit = memoryLimitBytes === undefined ? "no cgroup limit" : `cgroup limit ${formatBytes(memoryLimitBytes)}`;
  const found = `${formatBytes(totalBytes)}, ${limit}, free ${formatBytes(memoryAvailableBytes)}`;
  if (blockedBy.length === 0) {
    return { state: "ok", found: `${found}; a retraining may take ${formatBytes(memoryBytes)} now` };
  }
  const fix = blockedBy.includes("memory")
    ? `A retraining needs about ${formatBytes(DEFAULT_BUDGET_POLICY.workerIdleBytes)} before its first step, and a reserve stays free: free memory, or lower --reserve and --reserve-share.`
    : "Nothing runs until it is over.";
  return { state: "warning", found: `${found}; nothing may run now: ${blockedBy.join(", ")}`, fix };
}

/** The kernel reports how long tasks have to wait for memory and processors. */
export async function checkPressure(context: DoctorContext, dataFolder: string): Promise<Finding> {
  const monitor = await monitorOf(context, dataFolder);
  const { memoryPressurePercent: memory, cpuPressurePercent: cpu } = await monitor.resources();
  if (memory === undefined) {
    return {
      state: "warning",
      found: "the kernel does not report pressure: the agent goes by free memory and load alone",
      fix: "Boot a kernel with PSI (on Raspberry Pi OS and others: psi=1 on the kernel's command line).",
    };
  }
  return { state: "ok", found: `memory ${memory.toFixed(1)} %, processor ${(cpu ?? 0).toFixed(1)} %` };
}

async function monitorOf({ systemRoot }: DoctorContext, dataFolder: string): Promise<DeviceMonitor> {
  return systemMonitor({
    ...{ clock: systemClock, dataFolder: await existingParent(dataFolder), systemRoot },
    ...{ architecture: process.arch, nodeVersion: process.version, agentVersion: "doctor" },
  });
}

/** Peaks of memory can be metered. */
export async function checkClearRefs({ systemRoot }: DoctorContext): Promise<Finding> {
  const path = join(systemRoot, "proc/self/clear_refs");
  try {
    // Not `writeFile`: it would make the file where it is missing.
    await using file = await open(path, "r+");
    await file.writeFile("5");
    return { state: "ok", found: "peaks of memory can be metered" };
  } catch (thrown) {
    return {
      state: "broken",
      found: `${path} cannot be written: ${(thrown as Error).message}`,
      fix: "The kernel needs CONFIG_PROC_PAGE_MONITOR; in a container, mount /proc with write access.",
    };
  }
}

/** A fleet's connections find room. */
export async function checkOpenFiles({ systemRoot }: DoctorContext): Promise<Finding> {
  const files = await readOpenFiles(systemRoot);
  if (files === undefined) return { state: "ok", found: "the system does not report its limit" };
  const room = connectionsWithin(files);
  const found = `at most ${files.limit}: room for ${room} connections of devices`;
  if (files.limit >= FEW_OPEN_FILES) return { state: "ok", found };
  return {
    state: "warning",
    found,
    fix: "Raise the limit: ulimit -Hn 65536, or LimitNOFILE=65536 in its service.",
  };
}

/** One owner of a data folder: the program that takes the kernel's lock on it. */
export async function checkFlock({ environment }: DoctorContext): Promise<Finding> {
  for (const folder of (environment["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "flock");
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return { state: "ok", found: path };
  }
  const fix = "Install util-linux (Debian, Ubuntu: apt-get install util-linux).";
  return { state: "broken", found: "the program flock is not in PATH", fix };
}

/** The owner's limits can be read. */
export async function checkLimits(path: string): Promise<Finding> {
  const content = await limitsFile(path, false).read();
  if (content === undefined) return { state: "ok", found: `none: ${path} is not there` };
  return { state: "ok", found: parseLimits(content, path).words || "none" };
}

/** The clock was set: it shows no time before this release. */
export async function checkClock(nowMs: number): Promise<Finding> {
  const found = new Date(nowMs).toISOString();
  if (nowMs >= AGENT_RELEASED_MS) return { state: "ok", found };
  return {
    state: "broken",
    found: `${found} lies in the past`,
    fix: "Set the clock, and keep it by NTP (timedatectl set-ntp true).",
  };
}
