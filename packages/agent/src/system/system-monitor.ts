import { statfs } from "node:fs/promises";
import type { Clock } from "@mpo/io";
import { fileError } from "@mpo/io";
import type { DeviceMonitor } from "../ports/device-monitor.ts";
import { readCgroupMemory } from "./cgroup-memory.ts";
import { readHeat } from "./heat.ts";
import { type InventoryOptions, readInventory } from "./inventory.ts";
import { readMemoryInfo } from "./memory-info.ts";
import { readLoadAverage, readPressure } from "./pressure.ts";
import { readTreeBytes } from "./process-memory.ts";
import { SystemFiles } from "./system-files.ts";

export interface SystemMonitorOptions extends InventoryOptions {
  readonly clock: Clock;
  /** A folder on the disk whose free room is reported. */
  readonly dataFolder: string;
  /** Where `/proc` and `/sys` are. Default: "/". */
  readonly systemRoot?: string;
  /** The agent's own process, for `memoryLimitBytes`: it and its children use up the limit. Default: this process. */
  readonly agentPid?: number;
}

/** The monitor of a Linux machine. */
export function systemMonitor(options: SystemMonitorOptions): DeviceMonitor {
  const { memoryLimitBytes, agentPid = process.pid } = options;
  const files = new SystemFiles(options.systemRoot);
  return {
    inventory: () => readInventory(files, options),
    resources: async () => {
      const [memory, cgroup, pressure, loadAverage, heat, diskFreeBytes, usedBytes] = await Promise.all([
        readMemoryInfo(files),
        readCgroupMemory(files),
        readPressure(files),
        readLoadAverage(files),
        readHeat(files),
        freeBytes(options.dataFolder),
        memoryLimitBytes === undefined ? 0 : readTreeBytes(files, agentPid),
      ]);
      const limits = [cgroup?.limitBytes, memoryLimitBytes].filter((limit) => limit !== undefined);
      return {
        measuredAtMs: Math.max(0, Math.round(options.clock.now())),
        memoryAvailableBytes: Math.min(
          memory.availableBytes,
          cgroup?.availableBytes ?? Number.POSITIVE_INFINITY,
          Math.max(0, (memoryLimitBytes ?? Number.POSITIVE_INFINITY) - usedBytes),
        ),
        ...(limits.length === 0 ? {} : { memoryLimitBytes: Math.min(...limits) }),
        ...{ diskFreeBytes, loadAverage, ...pressure, ...heat },
      };
    },
  };
}

async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (thrown) {
    throw fileError(thrown, "read free space of", folder);
  }
}
