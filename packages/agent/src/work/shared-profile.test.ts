import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MpoError, type Profile } from "@mpo/core";
import type { ProbeOrder } from "@mpo/protocol";
import { ladder, MODEL_DIGEST } from "../test-support/documents.ts";
import { profileOf } from "../test-support/profile.ts";
import { inWorld, type World } from "../test-support/world.ts";

const [RUNG] = ladder(300) as [ReturnType<typeof ladder>[number]];
const BASE = profileOf("resnet", 1);
/** As another device of the class has measured it, by the method of this one. */
const THEIRS: Profile = {
  ...{ ...BASE, method: { ...BASE.method, loss: "tent" }, device: { ...BASE.device, id: "camera-2" } },
  steps: [{ config: RUNG.config, plannedBytes: 40, peakBytes: 60, stepMs: [90] }],
};
const ORDER: ProbeOrder = {
  ...{ order: "o1", model: "resnet", manifestDigest: MODEL_DIGEST, configs: [], maxMs: 60_000, isFresh: false },
};

function full(): never {
  throw new MpoError("over-memory-cap", "full");
}

function sharing(world: World, profile = THEIRS): void {
  world.fleet.shared = { profile, rung: RUNG };
  world.fleet.orders = [{ ...ORDER, sharedFrom: "camera-2" }];
}

void describe("the profile of another device of the class", () => {
  it("is taken when a few steps of what would run by it take what it predicts", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      sharing(world);
      await world.start();
      await world.pass(30);
      assert.deepEqual([device.probes, device.checks.length], [0, 1]);
      const [check] = device.checks;
      assert.deepEqual([check?.memoryBytes, check?.config, check?.method], [300, RUNG.config, "tent"]);
      const [{ order, profile } = {}] = fleet.profiles;
      assert.equal(order, "o1");
      assert.deepEqual([profile?.sharedFrom, profile?.device.id, profile?.accuracy], ["camera-2", "camera-1", []]);
      assert.deepEqual(
        profile?.steps.map(({ peakBytes, stepMs }) => [peakBytes, ...stepMs]),
        [
          [60, 90],
          [50, 100],
        ],
        "what the check saw has joined it",
      );
      assert.deepEqual([profile?.spent.ms, profile?.spent.configs], [1_000, 1]);
      assert.ok(fleet.fetches > 2, "it came in parts");
      await world.restart();
      await world.pass(700);
      assert.deepEqual([device.probes, device.checks.length], [0, 1], "it counts as measured");
    }));

  for (const [what, change] of [
    ["takes more memory", (world: World) => (world.device.onCheck = () => ({ peakBytes: 301 }))],
    ["is slower", (world: World) => (world.device.onCheck = () => ({ stepMs: [151] }))],
    ["is faster", (world: World) => (world.device.onCheck = () => ({ stepMs: [66] }))],
    ["hits the memory limit", (world: World) => (world.device.onCheck = full)],
    [
      "is of another model",
      (world: World) => sharing(world, { ...THEIRS, model: { ...THEIRS.model, graphDigest: "ef".repeat(32) } }),
    ],
    ["is for another method", (world: World) => sharing(world, BASE)],
    [
      "is of another engine",
      (world: World) => sharing(world, { ...THEIRS, software: { ...THEIRS.software, engine: "9" } }),
    ],
    ["is gone", (world: World) => (world.fleet.shared = undefined)],
  ] as const) {
    it(`is not taken where it ${what}: the device measures by itself, at once`, () =>
      inWorld(async (world) => {
        sharing(world);
        change(world);
        await world.start();
        await world.pass(30);
        assert.equal(world.device.probes, 1);
        assert.deepEqual(
          world.fleet.profiles.map(({ order, profile }) => [order, profile.sharedFrom]),
          [["o1", undefined]],
        );
        assert.match(world.log.join(""), /does not hold here/u);
      }));
  }

  it("is fetched on from where the link broke", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      sharing(world);
      fleet.onFetch = () => {
        if (fleet.fetches === 3) throw new MpoError("unavailable", "the link broke");
      };
      await world.start();
      await world.pass(30);
      assert.deepEqual([device.probes, device.checks.length, fleet.fetches], [0, 0, 3]);
      await world.pass(70);
      assert.deepEqual([device.probes, device.checks.length], [0, 1]);
      const broken = fleet.fetches;
      await world.stop();
      await inWorld(async (other) => {
        sharing(other);
        await other.start();
        await other.pass(30);
        assert.equal(broken, other.fleet.fetches + 1, "nothing was fetched twice");
      });
    }));
});

void describe("a device whose class is measured by another", () => {
  it("waits for it, and checks its profile when there is one", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      fleet.orders = [{ ...ORDER, waitMs: 600_000 }];
      await world.start();
      await world.pass(500);
      assert.deepEqual([device.probes, device.checks.length], [0, 0]);
      sharing(world);
      fleet.forgets = true;
      await world.pass(60);
      assert.deepEqual([device.probes, device.checks.length], [0, 1]);
    }));

  it("measures by itself when that takes too long, whoever measures by then", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      fleet.orders = [{ ...ORDER, waitMs: 600_000 }];
      await world.start();
      for (let minute = 0; minute < 9; minute++) {
        await world.pass(60);
        fleet.forgets = true;
      }
      assert.equal(device.probes, 0);
      await world.pass(120);
      assert.equal(device.probes, 1);
    }));

  it("does not wait for a coordinator that does not answer for more than a minute", () =>
    inWorld(async (world) => {
      world.fleet.isCutOff = true;
      await world.start();
      await world.pass(50);
      assert.equal(world.device.probes, 0);
      await world.pass(20);
      assert.equal(world.device.probes, 1);
    }));
});
