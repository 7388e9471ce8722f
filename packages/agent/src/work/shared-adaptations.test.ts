import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SIGNATURE_LENGTH } from "@mpo/core";
import { documentOf, MODEL_DIGEST } from "../test-support/documents.ts";
import { inWorld, SETTINGS, type World } from "../test-support/world.ts";

const [THEIRS, OURS] = [Buffer.from("learned by camera-2"), Buffer.from("learned here")];

type OnRetrain = World["device"]["onRetrain"];

const learns: OnRetrain = ({ start }) => ({
  normalisation: OURS,
  ...(start === undefined ? {} : { isFromStart: true }),
});

/** A device whose inputs have turned bright, and that has answered it, or tried to. */
async function drifted(world: World, onRetrain: OnRetrain = learns, sharesAdaptations = true): Promise<void> {
  const { device, fleet } = world;
  world.settings = { ...SETTINGS, sharesAdaptations };
  device.onRetrain = onRetrain;
  await world.start();
  fleet.push(documentOf(1));
  device.drop(10, 0.5);
  await world.pass(120);
  device.drop(4, 0.9);
  await world.pass(120);
}

void describe("what devices learn of drifts", () => {
  it("is neither reported nor asked for unless the owner says so", () =>
    inWorld(async (world) => {
      await drifted(world, learns, false);
      assert.deepEqual(world.windows, ["replaced"]);
      assert.deepEqual([world.fleet.adaptations, world.fleet.asked], [[], []]);
      const [job] = world.device.retrained;
      assert.equal(job?.start, undefined);
      assert.equal(world.windowResults[0]?.start, undefined);
    }));

  it("is reported after a window whose weights serve, with what the inputs look like and nothing of them", () =>
    inWorld(async (world) => {
      await drifted(world);
      const [report] = world.fleet.adaptations;
      const { signature = [], ...facts } = report?.adaptation ?? {};
      assert.deepEqual(facts, {
        ...{ model: "resnet", manifestDigest: MODEL_DIGEST, parameters: OURS, judgement: "labels" },
        ...{ accuracyBefore: 0.4, accuracyAfter: 0.6, samples: 100 },
      });
      assert.equal(signature.length, SIGNATURE_LENGTH);
      assert.ok(Math.abs((signature[0] ?? 0) - 0.9) < 1e-6, "of the inputs after the drift alone");
      assert.deepEqual(
        world.fleet.asked.map((asked) => asked.signature),
        [signature],
      );
      assert.equal(world.fleet.adaptations.length, 1);
    }));

  it("is not reported where it does not serve, or is no better", () =>
    inWorld(async (world) => {
      await drifted(world, () => ({ normalisation: OURS, accuracyAfter: 0.4 }));
      assert.deepEqual([world.windows, world.fleet.adaptations], [["replaced"], []]);
    }));

  it("waits while the device is offline, over a restart, and the window begins without it", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      world.settings = { ...SETTINGS, sharesAdaptations: true };
      device.onRetrain = () => ({ normalisation: OURS });
      await world.start();
      fleet.push(documentOf(1));
      device.drop(10, 0.5);
      await world.pass(120);
      fleet.isCutOff = true;
      device.drop(4, 0.9);
      await world.pass(120);
      assert.deepEqual([device.retrained.length, device.retrained[0]?.start], [1, undefined]);
      await world.restart();
      fleet.isCutOff = false;
      await world.pass(120);
      assert.equal(fleet.adaptations.length, 1);
      assert.ok(OURS.equals(fleet.adaptations[0]?.adaptation.parameters ?? Buffer.of()));
    }));

  it("of another device's is fetched in parts and started from, and the window says so", () =>
    inWorld(async (world) => {
      world.fleet.nearest = { adaptation: "a1", device: "camera-2", parameters: THEIRS };
      await drifted(world);
      assert.deepEqual(Buffer.from(world.device.retrained[0]?.start ?? []), THEIRS);
      assert.deepEqual(
        world.fleet.asked.map(({ offset }) => offset),
        [0, 4, 8, 12, 16],
      );
      assert.deepEqual(
        world.fleet.asked.map(({ adaptation }) => adaptation),
        [undefined, "a1", "a1", "a1", "a1"],
      );
      assert.deepEqual(world.windowResults[0]?.start, { adaptation: "a1", device: "camera-2", isTaken: true });
    }));

  it("is not waited for long, and a window goes on without it", () =>
    inWorld(async (world) => {
      world.fleet.nearest = { adaptation: "a1", device: "camera-2", parameters: THEIRS };
      const fetchAdaptation = world.fleet.link.fetchAdaptation;
      Object.assign(world.fleet.link, {
        fetchAdaptation: async (...call: Parameters<NonNullable<typeof fetchAdaptation>>) => {
          await world.clock.sleep(15_000, { signal: call[1]?.signal });
          return await fetchAdaptation?.(...call);
        },
      });
      await drifted(world);
      assert.deepEqual(world.windows, ["replaced"]);
      assert.equal(world.device.retrained[0]?.start, undefined);
      assert.equal(world.windowResults[0]?.start, undefined);
    }));
});
