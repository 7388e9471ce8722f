import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { documentOf } from "../test-support/documents.ts";
import { killed } from "../test-support/fake-device.ts";
import { inWorld, type World } from "../test-support/world.ts";

const CHECKED = documentOf(2, {
  check: true,
  // Other configurations than those of the good document: marks are by configuration.
  rungs: documentOf(1).rungs.map((rung) => ({ ...rung, config: { ...rung.config, accumulation: 3 } })),
});

/** A device that runs well by document 1, and gets one that is to be checked. */
async function checking(world: World, before: () => void = () => undefined): Promise<void> {
  const { device, fleet } = world;
  await world.start();
  fleet.push(documentOf(1));
  device.drop(3, 0.5);
  await world.pass(10);
  world.agent?.openWindow("resnet");
  await world.pass(10);
  assert.equal(world.told.at(-1), "1 confirmed 2");
  before();
  fleet.push(CHECKED);
}

void describe("a document that asks for a check", () => {
  it("is confirmed by a few steps within the bounds of the rung that fits now", () =>
    inWorld(async (world) => {
      const { device } = world;
      await checking(world);
      assert.equal(world.agent?.snapshot().isConfirmed, true);
      await world.pass(0.5);
      assert.deepEqual([world.agent?.snapshot().doing, world.agent?.snapshot().isConfirmed], ["check", false]);
      await world.pass(10);
      assert.equal(world.told.at(-1), "2 confirmed 2");
      const { outcome, peakBytes, stepMs, document, rung, accuracyAfter } = world.windowResults.at(-1) ?? {};
      assert.deepEqual(
        [outcome, peakBytes, stepMs, document?.version, accuracyAfter],
        ["checked", 50, [100], 2, undefined],
      );
      assert.deepEqual(rung, CHECKED.rungs[2]);
      assert.deepEqual(
        device.checks.map(({ memoryBytes, modelFolder, method }) => [memoryBytes, modelFolder, method]),
        [[300, "source", "tent"]],
      );
      assert.deepEqual([device.retrained.length, device.published.length], [1, 1], "nothing more was retrained");
      await world.pass(700);
      assert.equal(device.checks.length, 1);
    }));

  it("goes down its ladder where a rung takes more than its memory, and says what it took", () =>
    inWorld(async (world) => {
      const { device } = world;
      await checking(world, () => {
        device.onCheck = ({ config: { microBatch } }) => {
          if (microBatch === 8) throw new MpoError("over-memory-cap", "the cap was hit");
          return microBatch === 4 ? { peakBytes: 250 } : {};
        };
      });
      await world.pass(20);
      assert.deepEqual(world.windows.slice(1), ["over-memory", "over-memory", "checked"]);
      assert.equal(world.windowResults[2]?.message, "a step took 1 KiB; at most 0 KiB were expected");
      assert.equal(world.agent?.snapshot().rung, 0, "the marks hold");
      assert.ok(world.told.some((told) => told.startsWith("2 confirmed")));
    }));

  for (const [what, onCheck, why] of [
    ["no rung runs within its memory", () => ({ peakBytes: 999 }), /^the check failed: no rung ran within its memory/u],
    ["a step is too slow", () => ({ stepMs: [241] }), /^the check failed: a step took 241 ms; at most 240 ms/u],
  ] as const) {
    it(`is given up for the last good one, offline too, when ${what}`, () =>
      inWorld(async (world) => {
        const { fleet, device } = world;
        device.onCheck = onCheck;
        await checking(world);
        await world.pass(0.5);
        assert.equal(world.applied, 2);
        fleet.isCutOff = true;
        await world.pass(60);
        assert.equal(world.applied, 1);
        fleet.isCutOff = false;
        await world.pass(700);
        assert.ok(world.told.includes("2 failed -"));
        const [failed] = fleet.statuses.flatMap(({ status }) =>
          status.kind === "document" && status.document.state === "failed" ? [status.document] : [],
        );
        assert.match(failed?.message ?? "", why);
        assert.equal(world.applied, 1, "it is not taken again");
      }));
  }

  it("is checked again after a restart in the middle, and once only", () =>
    inWorld(async (world) => {
      await checking(world);
      await world.pass(0.5);
      assert.equal(world.agent?.snapshot().doing, "check");
      await world.restart();
      await world.pass(20);
      assert.deepEqual(world.windows.slice(1), ["checked"]);
      assert.equal(world.device.checks.length, 2);
      assert.ok(world.told.includes("2 confirmed 2"));
    }));

  it("is tried again when a check could not be made, and then reported, and stays unconfirmed", () =>
    inWorld(async (world) => {
      const { device } = world;
      await checking(world, () => {
        device.onCheck = () => {
          throw killed();
        };
      });
      await world.pass(90);
      assert.deepEqual(world.fleet.conditions, ["probe-waits"]);
      await world.pass(3_000);
      assert.deepEqual([device.checks.length, world.windows.slice(1)], [3, ["failed"]]);
      assert.deepEqual([world.applied, world.agent?.snapshot().isConfirmed], [2, false]);
      await world.restart();
      device.onCheck = undefined;
      await world.pass(20);
      assert.equal(world.agent?.snapshot().isConfirmed, true);
      await world.pass(60);
      assert.deepEqual(world.fleet.conditions, []);
    }));

  it("waits for a machine that is idle, not as long as a probe, and a window that opens first counts instead", () =>
    inWorld(async (world) => {
      const { device } = world;
      await checking(world, () => {
        device.loadAverage = 5;
      });
      await world.pass(200);
      assert.deepEqual([device.checks.length, world.applied], [0, 2]);
      await world.pass(120);
      assert.equal(device.checks.length, 1);
      world.fleet.push({ ...CHECKED, version: { epoch: 1, version: 3 } });
      await world.pass(6);
      world.agent?.openWindow("resnet");
      await world.pass(400);
      assert.deepEqual(world.windows, ["replaced", "checked", "replaced"]);
      assert.equal(device.checks.length, 1);
      assert.equal(world.agent?.snapshot().isConfirmed, true);
    }));
});

void describe("a document that limits its device", () => {
  it("leaves more memory free, is adapted by its method, and names itself in what is reported", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      device.availableBytes = 520;
      await world.start();
      await world.pass(30);
      fleet.push(documentOf(1));
      await world.pass(6);
      assert.equal(world.agent?.snapshot().rung, 2);
      // Reserve 100 and an idle worker of 100 are the serving program's, and 101 more now.
      fleet.push(documentOf(2, { reserveBytes: 101, method: "shot" }));
      device.drop(3, 0.5);
      await world.pass(6);
      assert.equal(world.agent?.snapshot().rung, 1);
      world.agent?.openWindow("resnet");
      await world.pass(10);
      assert.deepEqual(
        device.retrained.map(({ method, rung }) => [method, rung.memoryBytes.upper]),
        [["shot", 200]],
      );
      assert.deepEqual(world.windowResults.at(-1)?.document, { epoch: 1, version: 2 });
    }));

  it("opens windows, checks and probes in its hours alone, and in the owner's", () =>
    inWorld(async (world) => {
      const { clock, device, fleet } = world;
      const clockAt = (hours: number): string => new Date(clock.now() + hours * 3_600_000).toTimeString().slice(0, 5);
      const [one, two, three] = [clockAt(1), clockAt(2), clockAt(3)];
      await world.start();
      await world.pass(30);
      fleet.push(documentOf(1, { hours: [`${one}-${three}`], check: true }));
      device.drop(3, 0.5);
      await world.pass(60);
      world.agent?.openWindow("resnet");
      await world.pass(3_000);
      assert.deepEqual([device.retrained.length, device.checks.length], [0, 0]);
      world.limits = { hours: [`${two}-${three}`] };
      await world.pass(3_600);
      assert.equal(device.retrained.length, 0);
      await world.pass(600);
      assert.equal(device.retrained.length, 1);
    }));

  it("is refused where the owner's limits leave nothing of it", () =>
    inWorld(async (world) => {
      const { fleet } = world;
      world.limits = { hours: ["22:00-06:00"], methods: ["tent"] };
      await world.start();
      await world.pass(5);
      fleet.push(documentOf(1, { method: "shot" }));
      await world.pass(2);
      fleet.push(documentOf(2, { hours: ["08:00-10:00", "06:00-07:00"] }));
      await world.pass(2);
      fleet.push(documentOf(3, { hours: ["08:00-10:00", "05:00-07:00"], method: "tent" }));
      await world.pass(2);
      const refusals = fleet.statuses.flatMap(({ status }) =>
        status.kind === "document" && status.document.state === "refused" ? [status.document.message] : [],
      );
      assert.deepEqual(refusals, [
        "over-limits: methods: shot; the owner allows tent",
        "over-limits: hours: 08:00-10:00 06:00-07:00; the owner allows 22:00-06:00",
      ]);
      assert.equal(world.applied, 3);
    }));
});
