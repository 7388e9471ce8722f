import type { Resources } from "@mpo/protocol";
import type { SystemFiles } from "./system-files.ts";

/** How hot the machine is, and whether it runs slower for it (or for lack of power). */
export type Heat = Pick<Resources, "temperatureCelsius" | "isThrottled">;

const ZONES = "sys/class/thermal";
/** Jetson boards report a constant 100 degrees for the power controller's die. */
const MEANINGLESS_ZONE = /pmic/iu;
/** Fans cool without slowing anything down. */
const SLOWING_DEVICE = /cpufreq|devfreq|processor|cpu|gpu/iu;
/** Raspberry Pi firmware: under-voltage, frequency capped, throttled, soft temperature limit, each as of now. */
const PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled";
const PI_THROTTLED_NOW = 0b1111;

/** Reads the hottest thermal zone and what slows the machine down. */
export async function readHeat(files: SystemFiles): Promise<Heat> {
  const temperatures: number[] = [];
  let isThrottled = false;
  for (const name of await files.names(ZONES)) {
    const folder = `${ZONES}/${name}`;
    const type = (await files.text(`${folder}/type`)) ?? "";
    if (name.startsWith("thermal_zone") && !MEANINGLESS_ZONE.test(type)) {
      const millidegrees = await files.number(`${folder}/temp`);
      if (millidegrees !== undefined && millidegrees > -100_000 && millidegrees < 250_000) {
        temperatures.push(millidegrees / 1000);
      }
    }
    if (name.startsWith("cooling_device") && SLOWING_DEVICE.test(type)) {
      isThrottled ||= ((await files.number(`${folder}/cur_state`)) ?? 0) > 0;
    }
  }
  const firmware = Number.parseInt((await files.text(PI_THROTTLED)) ?? "0", 16);
  if (Number.isFinite(firmware) && (firmware & PI_THROTTLED_NOW) !== 0) isThrottled = true;
  return { isThrottled, ...(temperatures.length === 0 ? {} : { temperatureCelsius: Math.max(...temperatures) }) };
}
