import { MpoError } from "@mpo/core";
import type { FleetHistory } from "./fleet-history.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { LiveCoordinator } from "./simulated-network.ts";

/** Somebody looks at a device: where a copy has its name too, the original is the device. */
export async function decideDoubled(
  { identity, machineId }: SimulatedDevice,
  { coordinator: { admin }, signal }: LiveCoordinator,
  history: FleetHistory,
): Promise<void> {
  try {
    const { device } = await admin.getDevice({ identity }, { signal });
    const { message = "" } = device.conditions.find(({ code }) => code === "doubled") ?? {};
    const machines = [...message.matchAll(/machine (\S+) agent (\w+)/gu)];
    const [original, ...others] = machines.filter(([, machine]) => machine === machineId);
    if (others.length > 0) history.fail(`${identity.device} was taken for two machines: ${message}`);
    if (original?.[2] === undefined) return;
    await admin.decideDevice({ identity, keep: original[2], reason: "" }, { signal });
    history.note("decided", identity.device);
  } catch (thrown) {
    history.note("not decided", identity.device, MpoError.from(thrown).code);
  }
}
