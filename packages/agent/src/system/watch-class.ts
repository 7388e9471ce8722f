import type { Clock } from "@mpo/io";
import type { Logger } from "@mpo/runtime";
import type { DeviceMonitor } from "../ports/device-monitor.ts";

/** Modes are set in steps: cores, clocks, memory. */
const LOOKS = 2;

export interface ClassWatch {
  readonly monitor: Pick<DeviceMonitor, "inventory">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lookMs: number;
}

/** Resolves when the machine has become another class, by its mode or its clocks, and stays so; or by the signal. */
export async function untilClassChanges(
  { monitor, clock, logger, lookMs }: ClassWatch,
  signal: AbortSignal,
): Promise<void> {
  const { deviceClass } = await monitor.inventory();
  let seen = { deviceClass, times: 0 };
  while (!signal.aborted) {
    await clock.sleep(lookMs, { signal }).catch(() => undefined);
    const now = await monitor.inventory().catch(() => undefined);
    if (signal.aborted || now === undefined) continue;
    seen = { deviceClass: now.deviceClass, times: now.deviceClass === seen.deviceClass ? seen.times + 1 : 1 };
    if (now.deviceClass === deviceClass || seen.times < LOOKS) continue;
    logger.warn("the machine runs in another mode: its models are measured again", {
      was: deviceClass,
      is: now.deviceClass,
    });
    return;
  }
}
