import { readHeat } from "./heat.ts";
import type { SystemFiles } from "./system-files.ts";

/** How fast a machine is set to run: what was measured in one mode says nothing of another. */
export interface MachineMode {
  /** Jetson's, as /etc/nvpmodel.conf calls it: "MAXN", "15W". */
  readonly powerMode: string | undefined;
  /** The highest clock that its fastest cores may have, MHz; undefined: the system does not say. */
  readonly mhz: number | undefined;
  /** Whether that is less than they could have. */
  readonly isLimited: boolean;
}

const POLICIES = "sys/devices/system/cpu/cpufreq";
const KHZ_A_MHZ = 1000;
/** Clocks are named in these steps: what a driver rounds is no other mode. */
const STEP_MHZ = 100;
/** Below this share of the highest clock, somebody has set it. */
const LIMITED_BELOW = 0.95;
/** There, "powersave" means that the processor chooses its clock, up to the highest. */
const CHOOSES_ITSELF = /^(?:intel_pstate|intel_cpufreq|amd-pstate|amd-pstate-epp)$/u;

/** Reads how a machine is set. Heat is not a setting: while it slows the machine down, what it could do counts. */
export async function readMachineMode(files: SystemFiles): Promise<MachineMode> {
  const [powerMode, clocks, { isThrottled }] = await Promise.all([
    readPowerMode(files),
    readClocks(files),
    readHeat(files),
  ]);
  const [fastest] = clocks.toSorted((one, other) => other.hardwareKhz - one.hardwareKhz);
  if (fastest === undefined) return { powerMode, mhz: undefined, isLimited: false };
  const khz = isThrottled ? fastest.hardwareKhz : Math.max(...clocks.map(({ allowedKhz }) => allowedKhz));
  return {
    powerMode,
    mhz: Math.round(khz / KHZ_A_MHZ / STEP_MHZ) * STEP_MHZ,
    isLimited: khz < LIMITED_BELOW * fastest.hardwareKhz,
  };
}

/**
 * What a class is called by its mode: "15w", "1500mhz", "maxn-2200mhz". A board's clock is always named, because owners
 * set it (`arm_freq`); another machine's only where it is limited.
 */
export function modeName({ powerMode, mhz, isLimited }: MachineMode, isBoard: boolean): string {
  const power = (powerMode ?? "")
    .toLowerCase()
    .replace(/^mode[ _-]*/u, "")
    .replace(/[^a-z0-9]+/gu, "-")
    .replace(/^-+|-+$/gu, "")
    .slice(0, MAX_POWER_NAME);
  const clock = mhz !== undefined && (isBoard || isLimited) ? `${mhz}mhz` : "";
  return [power, clock].filter((part) => part !== "").join("-");
}

const MAX_POWER_NAME = 16;

/** The mode that nvpmodel has set, else the one that its configuration sets at boot. Both files may be read by anybody. */
async function readPowerMode(files: SystemFiles): Promise<string | undefined> {
  const configuration = await files.text("etc/nvpmodel.conf");
  if (configuration === undefined) return undefined;
  const status = (await files.text("var/lib/nvpmodel/status")) ?? "";
  const set = /\bpmode:\s*0*(\d+)/u.exec(status)?.[1];
  const atBoot = /<\s*PM_CONFIG\s+DEFAULT=0*(\d+)\s*>/u.exec(configuration)?.[1];
  const id = set ?? atBoot;
  if (id === undefined) return undefined;
  for (const [, found, name] of configuration.matchAll(/<\s*POWER_MODEL\s+ID=0*(\d+)\s+NAME=(\S+?)\s*>/gu))
    if (found === id) return name;
  return `mode ${id}`;
}

interface Clock {
  readonly hardwareKhz: number;
  readonly allowedKhz: number;
}

async function readClocks(files: SystemFiles): Promise<readonly Clock[]> {
  const clocks: Clock[] = [];
  for (const name of (await files.names(POLICIES)).filter((one) => /^policy\d+$/u.test(one))) {
    const folder = `${POLICIES}/${name}`;
    const [hardwareKhz, highestKhz, lowestKhz, setKhz, governor, driver] = (await Promise.all([
      ...["cpuinfo_max_freq", "scaling_max_freq", "scaling_min_freq", "scaling_setspeed"].map((file) =>
        files.number(`${folder}/${file}`),
      ),
      ...["scaling_governor", "scaling_driver"].map((file) => files.text(`${folder}/${file}`)),
    ] as const)) as [number?, number?, number?, number?, string?, string?];
    if (hardwareKhz === undefined || hardwareKhz <= 0) continue;
    const isLowest = governor === "powersave" && !CHOOSES_ITSELF.test(driver ?? "");
    const byGovernor = isLowest ? lowestKhz : governor === "userspace" ? setKhz : highestKhz;
    clocks.push({ hardwareKhz, allowedKhz: byGovernor ?? highestKhz ?? hardwareKhz });
  }
  return clocks;
}
