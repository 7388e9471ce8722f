import type { Inventory, Resources } from "@mpo/protocol";

/** How an agent sees its machine. */
export interface DeviceMonitor {
  inventory(): Promise<Inventory>;
  resources(): Promise<Resources>;
}
