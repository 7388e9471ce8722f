import assert from "node:assert/strict";
import { it } from "node:test";
import { documentOf } from "../test-support/documents.ts";
import { inWorld, SETTINGS, type World } from "../test-support/world.ts";

const DAY_S = 86_400;
/** A look every four minutes and a heartbeat every five: a season passes in seconds, and what is written once a day is the same. */
const SETTINGS_OF_YEARS = { ...SETTINGS, tickMs: 240_000 };
/** Of flash, with the file system's own: 200 small writes are some 5 MB of the 20 that an idle agent may have. */
const IDLE_WRITES_A_DAY = 200;

void it("an idle agent writes little, and no more on the eighth day than on the second", () =>
  inWorld(async (world) => {
    await settled(world);
    const idle: number[] = [];
    for (let day = 0; day < 8; day++) {
      const before = world.disk.writes;
      await world.pass(DAY_S);
      idle.push(world.disk.writes - before);
    }
    assert.ok(Math.max(...idle.slice(1)) <= IDLE_WRITES_A_DAY, idle.join());
  }));

void it("a working agent's state stays as large as it is, through drifts, configurations, outages and restarts", () =>
  inWorld(async (world) => {
    await settled(world);
    const totals: number[] = [];
    const names: string[] = [];
    for (let day = 1; day <= 20; day++) {
      world.fleet.push(documentOf(1 + day));
      world.device.drop(10, 0.5);
      await world.pass(DAY_S / 4);
      world.device.drop(10, day % 2 === 0 ? 0.9 : 0.1);
      world.fleet.isCutOff = day % 3 === 0;
      await world.pass(DAY_S / 4);
      if (day % 5 === 0) await world.restart();
      world.fleet.isCutOff = false;
      await world.pass(DAY_S / 2);
      const { sizes } = world.disk;
      totals.push([...sizes.values()].reduce((sum, size) => sum + size, 0));
      names.push([...sizes.keys()].sort().join());
    }
    assert.ok(world.device.retrained.length >= 5, "it has worked");
    const [young, old] = [totals.slice(4, 10), totals.slice(13)].map((some) => Math.max(...some));
    assert.ok((old as number) <= 1.1 * (young as number), totals.join());
    assert.equal(names.at(-1)?.split(",").length, names[5]?.split(",").length, names.at(-1));
  }));

async function settled(world: World): Promise<void> {
  world.settings = SETTINGS_OF_YEARS;
  world.fleet.heartbeatSeconds = 300;
  await world.start();
  world.fleet.push(documentOf(1));
  await world.pass(3_600);
  assert.equal(world.applied, 1);
}
