import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { documentOf } from "../test-support/documents.ts";
import { inWorld, type World } from "../test-support/world.ts";

/** Inputs of one brightness, until a window has answered them. */
async function meet(world: World, brightness: number): Promise<void> {
  world.device.drop(4, brightness);
  await world.pass(120);
  world.device.drop(10, brightness);
  await world.pass(600);
}

async function started(world: World): Promise<void> {
  let learned = 0;
  world.device.onRetrain = () => {
    learned++;
    return { normalisation: Buffer.from(`learned in window ${learned}`) };
  };
  await world.start();
  world.fleet.push(documentOf(1));
  world.device.drop(10, 0.5);
  await world.pass(120);
}

const startsOf = ({ device }: World): readonly (string | undefined)[] =>
  device.retrained.map(({ start }) => start && Buffer.from(start).toString());

void describe("a drift that a device has answered before", () => {
  it("is answered from what was learned then, over a restart too", () =>
    inWorld(async (world) => {
      await started(world);
      await meet(world, 0.9);
      await meet(world, 0.1);
      await world.restart();
      await meet(world, 0.9);
      assert.deepEqual(startsOf(world), [undefined, undefined, "learned in window 1"]);
      assert.equal(world.windowResults.at(-1)?.start, undefined, "no other device has to do with it");
    }));

  it("is answered anew where nothing of it served", () =>
    inWorld(async (world) => {
      await started(world);
      const { device } = world;
      device.onRetrain = () => ({ isAccepted: false, normalisation: Buffer.from("rejected") });
      await meet(world, 0.9);
      device.onRetrain = () => ({ normalisation: Buffer.from("of the dark") });
      await meet(world, 0.1);
      await meet(world, 0.9);
      assert.deepEqual(startsOf(world), [undefined, undefined, undefined]);
    }));

  it("is answered anew where what was kept is damaged", () =>
    inWorld(async (world) => {
      await started(world);
      await meet(world, 0.9);
      await meet(world, 0.1);
      const name = "drifts-resnet";
      const bytes = (await world.disk.read(name)) ?? assert.fail("nothing was kept");
      await world.disk.write(name, Buffer.from(bytes).fill(0x20, 20, 24));
      await meet(world, 0.9);
      assert.deepEqual(startsOf(world), [undefined, undefined, undefined]);
    }));
});
