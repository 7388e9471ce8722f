import { helloOf } from "@mpo/coordinator/testing";
import type { DeviceView } from "@mpo/protocol";

const PAGE = 1_000;

/** Pages of the answers to listDevices, as a coordinator with so many devices would give them. */
export function madeUpDevices(count: number): readonly {
  readonly devices: readonly DeviceView[];
  readonly serverTimeMs: number;
  readonly nextPageToken?: string;
}[] {
  const nowMs = Date.now();
  const devices = Array.from({ length: count }, (_, index): DeviceView => {
    const name = `pi-${String(index).padStart(5, "0")}`;
    const { identity, inventory, resources, models } = helloOf(name);
    return {
      ...{ identity, inventory, resources, models, presence: index % 7 === 0 ? "offline" : "online" },
      ...{
        lastSeenMs: nowMs - 1_000 * (index % 600),
        conditions: [],
        labels: [{ name: "site", value: `s${index % 20}` }],
      },
      ...{ desiredVersion: { epoch: 1, version: 1 }, desiredModel: "tiny" },
    };
  });
  return Array.from({ length: Math.ceil(count / PAGE) }, (_, page) => ({
    devices: devices.slice(page * PAGE, (page + 1) * PAGE),
    serverTimeMs: nowMs,
    ...((page + 1) * PAGE < count ? { nextPageToken: String(page + 1) } : {}),
  }));
}
