import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { HelloRequest, ReportStatusRequest } from "@mpo/protocol";
import type { Coordinator } from "../coordinator.ts";
import {
  CALL,
  freshServer,
  helloOf,
  INVENTORY,
  identityOf,
  RESOURCES,
  startCoordinator,
} from "../testing/tiny-fleet.ts";

const GIB = 2 ** 30;

const DEVICES: Readonly<Record<string, Partial<HelloRequest>>> = {
  "pi-1": { inventory: { ...INVENTORY, deviceClass: "pi-4", memoryBytes: 4 * GIB, engineVersion: "4.22.0" } },
  "pi-2": {
    inventory: { ...INVENTORY, deviceClass: "pi-5", memoryBytes: 8 * GIB, board: "" },
    resources: { ...RESOURCES, memoryLimitBytes: 2 * GIB, diskFreeBytes: 1e8 },
    models: [],
  },
  orin: {
    inventory: {
      ...{ ...INVENTORY, deviceClass: "jetson", cpuCores: 8, agentVersion: "0.2.0" },
      gpus: [{ name: "NVIDIA Orin", memoryBytes: 0, sharesMemory: true }],
    },
    labels: [{ name: "site", value: "south" }],
  },
};

async function started(context: TestContext, coordinator?: Coordinator): Promise<Coordinator> {
  const fresh = coordinator ?? (await startCoordinator(freshServer()));
  context.after(() => fresh.stop());
  for (const [name, facts] of Object.entries(DEVICES)) await fresh.fleet.hello(helloOf(name, facts), CALL);
  return fresh;
}

function listed({ admin }: Coordinator, where?: string): string {
  const { devices } = admin.listDevices({ tenant: "acme", pageSize: 10, ...(where === undefined ? {} : { where }) });
  return devices.map(({ identity }) => identity.device).join(" ");
}

void describe("devices are chosen", () => {
  void it("by what they are, have and run", async (t) => {
    const coordinator = await started(t);
    const report: ReportStatusRequest = {
      ...{ identity: identityOf("pi-1"), report: "s1", sequence: 1, reportedAtMs: 1 },
      status: { kind: "drift", drift: { model: "tiny", message: "darker" } },
    };
    await coordinator.fleet.reportStatus(report, CALL);
    const needs = [{ code: "throttled" as const, sinceMs: 1, message: "hot" }];
    await coordinator.fleet.heartbeat({ identity: identityOf("orin"), resources: RESOURCES, conditions: needs }, CALL);
    const chosen: Readonly<Record<string, string>> = {
      "name matches pi-*": "pi-1 pi-2",
      "class in (pi-4, jetson)": "orin pi-1",
      board: "orin pi-1",
      'cpu = cpu and architecture = arm64 and os matches "Debian *"': "orin pi-1 pi-2",
      "memory > 3GiB": "pi-1",
      "memory = 2GiB": "pi-2",
      "free > 500MB and free < 50%": "pi-1 pi-2",
      "disk < 1GB": "pi-2",
      "cores >= 8": "orin",
      'gpu has "NVIDIA Orin"': "orin",
      "agent >= 0.1.1": "orin",
      engine: "pi-1",
      "node >= 20.18": "orin pi-1 pi-2",
      "models has tiny": "orin pi-1",
      "drift has tiny": "pi-1",
      config: "",
      "state = online": "orin pi-1 pi-2",
      "lastSeen < 1min and enrolled < 1min": "orin pi-1 pi-2",
      "needs has throttled": "orin",
      "label.site = north": "pi-1 pi-2",
    };
    for (const [where, names] of Object.entries(chosen)) assert.equal(listed(coordinator, where), names, where);
    assert.equal(listed(coordinator), "orin pi-1 pi-2");
    assert.throws(() => listed(coordinator, "memry > 1GiB"), { code: "invalid-argument" });
  });

  void it("by groups, to which those belong too that come later", async (t) => {
    const server = freshServer();
    const coordinator = await started(t, await startCoordinator(server));
    const other = await startCoordinator(server);
    t.after(() => other.stop());
    const save = (name: string, where: string, tenant = "acme") =>
      coordinator.groupApi.saveGroup({ tenant, name, where, description: "" }, CALL);
    const { group } = await save("north", "label.site = north");
    assert.equal(group.deviceCount, 2);
    await save("small", "group = north and memory < 3GiB");
    assert.equal(listed(coordinator, "not group = small"), "orin pi-1");
    await coordinator.fleet.hello(helloOf("pi-3"), CALL);
    assert.equal(listed(coordinator, "group = small"), "pi-2 pi-3");
    await save("small", "group = north and memory < 2GiB");
    const counts = coordinator.groupApi.listGroups({ tenant: "acme" }).groups.map((one) => [one.name, one.deviceCount]);
    assert.deepEqual(counts, [
      ["north", 3],
      ["small", 1],
    ]);
    assert.deepEqual(coordinator.groupApi.listGroups({ tenant: "other" }).groups, []);
    assert.equal(listed(other, "group = small"), "pi-3");

    await assert.rejects(save("north", "group = small"), {
      message: /in group small: a group cannot be part of itself/u,
    });
    await assert.rejects(save("far", "group = nrth"), { message: /there is no group nrth; did you mean north\?/u });
    await assert.rejects(save("far", "group = north", "other"), { message: /there is no group north\n/u });
    const remove = (name: string) => coordinator.groupApi.removeGroup({ tenant: "acme", name }, CALL);
    await assert.rejects(remove("north"), {
      code: "precondition-failed",
      message: "group north is part of group small",
    });
    await assert.rejects(remove("far"), { code: "not-found" });
    await remove("small");
    await remove("north");
    const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 9 }, CALL);
    assert.deepEqual(
      events.filter(({ kind }) => kind.startsWith("group-")).map(({ kind, message }) => `${kind} ${message}`),
      [
        "group-removed north",
        "group-removed small",
        "group-saved small: group = north and memory < 2GiB",
        "group-saved small: group = north and memory < 3GiB",
        "group-saved north: label.site = north",
      ],
    );
  });
});
