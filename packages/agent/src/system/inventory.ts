import { GIB, given } from "@mpo/core";
import type { Gpu, Inventory } from "@mpo/protocol";
import { type MachineMode, modeName, readMachineMode } from "./machine-mode.ts";
import { readMemoryInfo } from "./memory-info.ts";
import type { SystemFiles } from "./system-files.ts";

/** What the system's files do not say. */
export interface InventoryOptions {
  /** Node's name of the architecture: "x64", "arm64". */
  readonly architecture: string;
  readonly agentVersion: string;
  readonly nodeVersion: string;
  readonly engineVersion?: string;
  /** Of the local time, by IANA's name. */
  readonly timeZone?: string | undefined;
  /** Default: made from board, cores, memory, power mode and clocks. */
  readonly deviceClass?: string;
  /** Report no more memory than this, bytes, as a smaller machine would. */
  readonly memoryLimitBytes?: number;
}

const MAX_TEXT = 128;
const MAX_NAME = 64;

/** Reads what the machine is. Throws `unsupported` when its memory cannot be read. */
export async function readInventory(files: SystemFiles, options: InventoryOptions): Promise<Inventory> {
  const cpuinfo = (await files.text("proc/cpuinfo")) ?? "";
  const memory = await readMemoryInfo(files);
  const totalBytes = Math.min(memory.totalBytes, options.memoryLimitBytes ?? Number.POSITIVE_INFINITY);
  const board = await readBoard(files);
  const cpuCores = Math.max(1, cpuinfo.match(/^processor\s*:/gmu)?.length ?? 1);
  const deviceClass =
    options.deviceClass ??
    deviceClassOf({ board, cpuCores, totalBytes, ...options, mode: await readMachineMode(files) });
  return {
    deviceClass,
    board: board.slice(0, MAX_TEXT),
    cpuModel: (cpuField(cpuinfo) ?? "").slice(0, MAX_TEXT),
    cpuCores: Math.min(4096, cpuCores),
    memoryBytes: totalBytes,
    swapBytes: memory.swapBytes,
    gpus: await readGpus(files, board),
    os: (await osName(files)).slice(0, MAX_TEXT),
    kernel: ((await files.text("proc/sys/kernel/osrelease")) ?? "").slice(0, MAX_TEXT),
    architecture: options.architecture.slice(0, 32),
    agentVersion: options.agentVersion,
    nodeVersion: options.nodeVersion,
    ...given({ engineVersion: options.engineVersion, timeZone: options.timeZone }),
  };
}

export interface DeviceClassFacts {
  /** Empty when unknown. */
  readonly board: string;
  readonly architecture: string;
  readonly cpuCores: number;
  readonly totalBytes: number;
  /** Absent: unknown. */
  readonly mode?: MachineMode;
}

/**
 * Devices that probes can speak for each other: same board (or architecture and cores), same memory, same power mode and
 * clocks. Memory is rounded up to the sizes that are sold, because the kernel and the GPU keep a part.
 * "raspberry-pi-4-model-b-4g-1800mhz", "nvidia-jetson-orin-nano-8g-15w-1500mhz", "x64-2c-24g".
 */
export function deviceClassOf({ board, architecture, cpuCores, totalBytes, mode }: DeviceClassFacts): string {
  const gibibytes = totalBytes / GIB;
  const sold = gibibytes <= 1 ? (gibibytes <= 0.5 ? 0.5 : 1) : Math.ceil(gibibytes / 2) * 2;
  const memory = sold < 1 ? "512m" : `${sold}g`;
  const isGeneric = board === "" || !/jetson|raspberry|rock|odroid|orange|coral|nano/iu.test(board);
  const base = isGeneric ? `${architecture}-${cpuCores}c` : board.replace(/ rev(ision)? [\d.]+$/iu, "");
  const slug = base
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, "-")
    .replace(/^-+|-+$/gu, "");
  const named = mode === undefined ? "" : modeName(mode, !isGeneric);
  const end = named === "" ? memory : `${memory}-${named}`;
  return `${slug.slice(0, MAX_NAME - end.length - 1).replace(/-+$/u, "")}-${end}`;
}

async function readBoard(files: SystemFiles): Promise<string> {
  return (
    (await files.text("proc/device-tree/model")) ??
    (await files.text("sys/firmware/devicetree/base/model")) ??
    (await files.text("sys/class/dmi/id/product_name")) ??
    ""
  );
}

/** x86 says "model name" for each core; arm64 says nothing there, old arm kernels say "Model" of the board. */
function cpuField(cpuinfo: string): string | undefined {
  const named = /^(?:model name|Processor|cpu model)\s*:\s*(.+)$/mu.exec(cpuinfo)?.[1];
  if (named !== undefined) return named.trim();
  const part = /^CPU part\s*:\s*(0x[0-9a-f]+)$/imu.exec(cpuinfo)?.[1];
  return part === undefined ? undefined : (ARM_PARTS[part.toLowerCase()] ?? `ARM part ${part}`);
}

/** Cores of the boards that are met most (Arm's main ID register; NVIDIA's Carmel). */
const ARM_PARTS: Readonly<Record<string, string>> = {
  "0xd03": "Cortex-A53",
  "0xd07": "Cortex-A57",
  "0xd08": "Cortex-A72",
  "0xd0b": "Cortex-A76",
  "0xd42": "Cortex-A78AE",
  "0x004": "NVIDIA Carmel",
};

async function osName(files: SystemFiles): Promise<string> {
  const release = (await files.text("etc/os-release")) ?? "";
  return /^PRETTY_NAME="?([^"\n]*)"?$/mu.exec(release)?.[1] ?? "";
}

async function readGpus(files: SystemFiles, board: string): Promise<readonly Gpu[]> {
  const tegra = await files.text("etc/nv_tegra_release");
  if (tegra !== undefined || /jetson/iu.test(board)) {
    return [{ name: "NVIDIA Tegra", memoryBytes: 0, sharesMemory: true }];
  }
  const folder = "proc/driver/nvidia/gpus";
  const gpus: Gpu[] = [];
  for (const name of (await files.names(folder)).slice(0, 16)) {
    const information = (await files.text(`${folder}/${name}/information`)) ?? "";
    const model = /^Model:\s+(.+)$/mu.exec(information)?.[1] ?? "NVIDIA GPU";
    gpus.push({ name: model.trim().slice(0, MAX_TEXT), memoryBytes: 0, sharesMemory: false });
  }
  return gpus;
}
