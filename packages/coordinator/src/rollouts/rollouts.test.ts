import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { RolloutPhase } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import type { Coordinator } from "../coordinator.ts";
import { AnsweringFleet, type AnsweringOptions } from "../testing/answering-fleet.ts";
import { CALL, freshServer, identityOf, startCoordinator } from "../testing/tiny-fleet.ts";

const DEVICES = Array.from({ length: 6 }, (_, index) => `pi-${index + 1}`);

async function started(context: TestContext, answer?: AnsweringOptions["answer"], devices = DEVICES) {
  const coordinator = await startCoordinator(freshServer());
  context.after(() => coordinator.stop());
  const fleet = new AnsweringFleet({ coordinator: () => coordinator, ...(answer === undefined ? {} : { answer }) });
  await fleet.join(devices);
  return { coordinator, fleet };
}

function planned({ rolloutApi }: Coordinator, spec: Readonly<Record<string, unknown>>) {
  const file = { name: "small", model: "tiny", change: { rule: { memory: "40MB" } }, ...spec };
  return rolloutApi.planRollout({ tenant: "acme", spec: JSON.stringify(file), reason: "" }, CALL);
}

function said(
  { rolloutApi }: Coordinator,
  command: Parameters<typeof rolloutApi.changeRollout>[0]["command"],
  name = "small",
) {
  return rolloutApi.changeRollout({ tenant: "acme", name, command, reason: "" }, CALL);
}

async function shown({ rolloutApi }: Coordinator, name = "small"): Promise<RolloutView> {
  return (await rolloutApi.getRollout({ tenant: "acme", name }, CALL)).rollout;
}

function inPhase(coordinator: Coordinator, ...phases: readonly RolloutPhase[]) {
  return async (): Promise<RolloutView | undefined> => {
    const rollout = await shown(coordinator);
    return phases.includes(rollout.phase) ? rollout : undefined;
  };
}

async function budgets({ admin }: Coordinator, devices: readonly string[] = DEVICES) {
  const all = devices.map((device) => admin.getConfig({ identity: identityOf(device) }, CALL));
  return (await Promise.all(all)).map(({ document }) => document.budget.memoryBytes);
}

void describe("a rollout", () => {
  void it("changes its devices wave by wave, and is over", async (t) => {
    const { coordinator, fleet } = await started(t);
    const plan = await planned(coordinator, { waves: [{ count: 2 }, { percent: "50%" }] });
    assert.deepEqual([plan.rollout.phase, plan.rollout.waves.map(({ devices }) => devices)], ["planned", [2, 1, 3]]);
    assert.deepEqual(
      plan.rollout.distribution.map(({ devices }) => devices),
      [6],
    );
    assert.ok((plan.rollout.forecast?.expectedMs ?? 0) > 0);
    assert.equal(new Set(await budgets(coordinator)).has(40_000_000), false);
    await said(coordinator, "start");
    const done = await fleet.until(inPhase(coordinator, "completed"));
    assert.deepEqual(done.counts, [{ state: "confirmed", devices: 6 }]);
    assert.deepEqual(new Set(await budgets(coordinator)), new Set([40_000_000]));
    const { devices } = await coordinator.rolloutApi.listRolloutDevices(
      { tenant: "acme", name: "small", pageSize: 100 },
      CALL,
    );
    assert.deepEqual(
      devices.map(({ wave }) => wave),
      [0, 0, 1, 2, 2, 2],
    );
    for (const requests of fleet.requests.values()) {
      assert.equal(requests.filter((request) => request.startsWith("rollout small/1#")).length, 1, `${requests}`);
    }
  });

  void it("stops at a wave that fails, and gives its devices back what they had", async (t) => {
    const bad = new Set<string>();
    const { coordinator, fleet } = await started(t, (device, { request }) =>
      bad.has(device) && /^rollout small\/\d/u.test(request) ? ["applied", "failed"] : ["applied", "confirmed"],
    );
    const before = await budgets(coordinator);
    const plan = await planned(coordinator, { waves: [{ count: 2 }, { count: 2 }], success: "100%" });
    const { devices } = await coordinator.rolloutApi.listRolloutDevices(
      { tenant: "acme", name: plan.rollout.name, wave: 1, pageSize: 10 },
      CALL,
    );
    bad.add(devices[0]?.device ?? "");
    await said(coordinator, "start");
    const over = await fleet.until(inPhase(coordinator, "rolled-back", "completed"));
    assert.equal(over.phase, "rolled-back");
    assert.match(over.reason, new RegExp(`^wave 2: 1 of \\d finished devices failed \\(${[...bad][0]}\\);`, "u"));
    assert.deepEqual(await budgets(coordinator), before);
    assert.deepEqual(over.waves[2]?.counts, [{ state: "pending", devices: 2 }]);
    const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 200 }, CALL);
    const kinds = events.map(({ kind }) => kind).filter((kind) => kind.startsWith("rollout-"));
    for (const kind of [
      "rollout-planned",
      "rollout-started",
      "rollout-wave-failed",
      "rollout-device-failed",
      "rollout-rolled-back",
    ])
      assert.ok(kinds.includes(kind), `${kind} of ${kinds}`);
  });
});
