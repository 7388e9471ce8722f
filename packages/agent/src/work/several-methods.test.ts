import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MethodName, type Prediction, type Profile, SEARCHED_METHODS } from "@mpo/core";
import { documentOf, ladder } from "../test-support/documents.ts";
import { killed } from "../test-support/fake-device.ts";
import { profileOf } from "../test-support/profile.ts";
import { inWorld, SETTINGS, type World } from "../test-support/world.ts";
import { readKnownProfile } from "./known-profile.ts";

const ANY = { ...SETTINGS, methods: SEARCHED_METHODS };

/** What a race would have left: SHOT is the profile's own, Tent and ETA beside it. */
function raced(model: string, measuredAtMs: number): Profile {
  const { memoryFacts, accuracy, ...rest } = profileOf(model, measuredAtMs);
  const others = ["tent", "eta"].map((loss) => ({ method: { loss, optimizer: "adam" }, memoryFacts, accuracy }));
  return { ...rest, memoryFacts, accuracy, method: { loss: "shot", optimizer: "momentum" }, others };
}

function rungsOf(...methods: readonly (MethodName | undefined)[]): readonly Prediction[] {
  const bytes = methods.map((_, index) => 100 * (index + 1));
  return ladder(...bytes).map((rung, index) => {
    const method = methods[index];
    return method === undefined ? rung : { ...rung, method };
  });
}

async function started(world: World): Promise<void> {
  world.settings = ANY;
  world.device.profileOf = raced;
  await world.start();
  await world.pass(100);
}

void describe("an agent that may run any method", () => {
  it("says so, and lets them race", () =>
    inWorld(async (world) => {
      await started(world);
      const { fleet, device } = world;
      assert.deepEqual(fleet.hellos.at(-1)?.methods, SEARCHED_METHODS);
      assert.deepEqual(device.probed[0]?.methods, SEARCHED_METHODS);
      assert.equal(fleet.profiles[0]?.profile.others?.length, 2);
      device.drop(80, 0.2);
      await world.pass(60);
      fleet.push(documentOf(1, { rungs: rungsOf("tent", "shot") }));
      await world.pass(10);
      device.drop(80, 0.9);
      await world.pass(60);
      const [, curves] = device.probed;
      assert.deepEqual(curves?.methods, SEARCHED_METHODS, "so they do on what has drifted");
      assert.equal(curves?.known?.method.loss, "shot");
    }));

  it("runs each rung by the rung's own method, and remembers whose steps it saw", () =>
    inWorld(async (world) => {
      await started(world);
      const { fleet, device, agent, disk } = world;
      device.onRetrain = ({ rung }) => {
        if (rung.method === "shot") throw killed();
        return {};
      };
      fleet.push(documentOf(1, { rungs: rungsOf("tent", "shot"), check: true }));
      await world.pass(400);
      assert.deepEqual(
        device.checks.map(({ method }) => method),
        ["shot"],
      );
      device.drop(4, 0.2);
      agent?.openWindow("resnet");
      await world.pass(60);
      assert.deepEqual(
        device.retrained.map(({ method }) => method),
        ["shot", "tent"],
      );
      assert.deepEqual(
        world.windowResults.map(({ rung }) => rung.method),
        ["shot", "shot", "tent"],
        "the check, what was killed, and what took its place",
      );
      const known = await readKnownProfile({ disk, logger: world.logger }, "resnet");
      assert.equal(known?.steps.at(-1)?.method, "tent");
    }));

  it("runs a ladder that says no method by the one that it was measured under", () =>
    inWorld(async (world) => {
      await started(world);
      world.fleet.push(documentOf(1, { rungs: rungsOf(undefined) }));
      world.device.drop(4, 0.2);
      await world.pass(10);
      world.agent?.openWindow("resnet");
      await world.pass(60);
      assert.equal(world.device.retrained[0]?.method, "shot");
    }));

  it("never runs a ladder that says no method by one that the owner forbids", () =>
    inWorld(async (world) => {
      await started(world);
      world.fleet.push(documentOf(1, { rungs: rungsOf(undefined) }));
      world.device.drop(4, 0.2);
      world.limits = { methods: ["norm"] };
      world.agent?.openWindow("resnet");
      await world.pass(60);
      assert.equal(world.device.retrained[0]?.method, "norm");
    }));

  it("leaves out what the owner forbids, and measures again when that changes", () =>
    inWorld(async (world) => {
      world.limits = { methods: ["tent", "crossEntropy"] };
      await started(world);
      const { fleet, device } = world;
      assert.deepEqual([fleet.hellos.at(-1)?.methods, device.probed[0]?.methods], [["tent"], ["tent"]]);
      fleet.push(documentOf(1, { rungs: rungsOf("tent", "shot") }));
      device.drop(4, 0.2);
      await world.pass(10);
      world.agent?.openWindow("resnet");
      await world.pass(60);
      assert.deepEqual(
        device.retrained.map(({ method }) => method),
        ["tent"],
      );
      world.limits = {};
      await world.pass(100);
      assert.deepEqual(device.probed.at(-1)?.methods, SEARCHED_METHODS);
      assert.deepEqual(fleet.hellos.at(-1)?.methods, SEARCHED_METHODS);
      world.limits = { methods: ["tent"] };
      await world.pass(10);
      fleet.push(documentOf(2, { rungs: rungsOf("shot", "eta") }));
      await world.pass(10);
      assert.match(String(world.agent?.snapshot().applied?.version), /^1$/u);
      assert.match(world.told.at(-1) ?? "", /^2 refused/u);
    }));

  it("measures again after it ran one method only", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(100);
      assert.deepEqual(
        world.device.probed.map(({ methods }) => methods),
        [["tent"]],
      );
      world.settings = ANY;
      await world.restart();
      await world.pass(100);
      assert.deepEqual(
        world.device.probed.map(({ methods }) => methods),
        [["tent"], SEARCHED_METHODS],
      );
    }));
});
