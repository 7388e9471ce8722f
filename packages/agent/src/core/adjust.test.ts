import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { documentOf } from "../test-support/documents.ts";
import { inWorld, SETTINGS } from "../test-support/world.ts";

/** Longest time between a turn of the work and what it had announced, milliseconds. */
function latestTurn(turns: readonly { readonly atMs: number; readonly nextWithinMs: number }[]): number {
  return Math.max(
    ...turns.slice(1).map(({ atMs }, at) => atMs - (turns[at]?.atMs ?? 0) - (turns[at]?.nextWithinMs ?? 0)),
  );
}

void describe("an agent that runs", () => {
  it("takes other settings, and looks by them at once", () =>
    inWorld(async (world) => {
      const agent = await world.start();
      await world.pass(20);
      world.fleet.push(documentOf(1));
      await world.pass(10);
      assert.notEqual(agent.snapshot().rung, undefined);
      agent.adjust({ ...SETTINGS, budget: { ...SETTINGS.budget, reserveBytes: 9_990 } });
      await world.pass(0.001);
      assert.equal(agent.snapshot().rung, undefined, "nothing is left for work");
      agent.adjust({ ...SETTINGS, tickMs: 60_000 });
      await world.pass(10);
      assert.equal(world.turns.at(-1)?.nextWithinMs, 60_000);
      assert.notEqual(agent.snapshot().rung, undefined);
    }));

  it("makes its turns when it said it would, while it probes and retrains too", () =>
    inWorld(async (world) => {
      const agent = await world.start();
      await world.pass(20);
      world.fleet.push(documentOf(1));
      world.device.drop(3, 0.5);
      world.device.onRetrain = async () => {
        await world.clock.sleep(60_000);
        return {};
      };
      await world.pass(10);
      agent.openWindow("resnet");
      await world.pass(120);
      assert.deepEqual([world.device.probes, world.device.retrained.length], [1, 1]);
      assert.ok(world.turns.length > 60, `${world.turns.length} turns in 150 s`);
      assert.ok(latestTurn(world.turns) <= 5_000, `a turn came ${latestTurn(world.turns)} ms late`);
    }));

  it("makes no turn when a look at the machine never returns", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(20);
      const before = world.turns.length;
      const { monitor } = world.device;
      const { resources } = monitor;
      let release = (): void => undefined;
      const isStuck = new Promise<void>((resolve) => {
        release = resolve;
      });
      Object.assign(monitor, { resources: () => isStuck.then(() => resources()) });
      await world.pass(600);
      assert.ok(world.turns.length <= before + 1);
      release();
    }));
});
