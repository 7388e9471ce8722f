import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { initialWeights } from "../model/variables.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { testSamples } from "../test-support/engine-run.ts";
import { hogEnvironment } from "../test-support/hog-environment.ts";
import { runOfSteps, setupOf, smallModel, smallSamples } from "../test-support/small-training.ts";
import { EngineWorker } from "./engine-worker.ts";

const MIB = 1024 * 1024;
const BATCH = 8;
const CAP_BYTES = 100 * MIB;
/** Sessions that are not closed grow the worker by 2 MiB each, however small the graph. */
const MOST_GROWTH_MIB = 12;

/** Trains one step under a cap of the worker's memory; returns the code of the error, or "trained". */
async function trainUnder(
  memoryCapBytes: number,
  batch: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const worker = await EngineWorker.start({ environment, memoryCapBytes });
  try {
    const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [28, 28, 1], classes: 10 });
    await worker.load({ graph, weights: initialWeights(graph, 1), training: setupOf({ microBatch: batch }) });
    await worker.setSamples("s", testSamples(graph, batch, 10));
    await worker.call("train", { samples: "s", run: runOfSteps(1) });
    return "trained";
  } catch (error) {
    assert.ok(error instanceof MpoError, String(error));
    return error.code;
  } finally {
    await worker.close();
  }
}

test("a step over the memory cap is said to be that, not a crash", async () => {
  assert.equal(await trainUnder(40 * MIB, 256), "over-memory-cap");
});

test("a step under the memory cap trains", async () => {
  assert.equal(await trainUnder(400 * MIB, 256), "trained");
});

test("memory outside of TensorFlow's pool counts too: the worker is killed, and it is said why", async () => {
  assert.equal(await trainUnder(400 * MIB, 256, hogEnvironment("buffers")), "over-memory-cap");
});

test("a TensorFlow without the pool that keeps the cap is held to it from outside", async () => {
  assert.equal(await trainUnder(40 * MIB, 256, hogEnvironment("no-pool")), "over-memory-cap");
});

test("a capped worker loads again and again", async () => {
  const worker = await EngineWorker.start({ environment: process.env, memoryCapBytes: CAP_BYTES });
  try {
    const { graph, weights } = smallModel();
    await worker.setSamples("s", smallSamples(BATCH));
    await worker.load({ graph, weights });
    const losses: number[] = [];
    for (const microBatch of [BATCH, 2, BATCH]) {
      const { stateBytes } = await worker.load({ graph, weights, training: setupOf({ microBatch }) });
      assert.deepEqual(await worker.call("readWeights", {}), weights, "each load begins with the weights it is given");
      const { steps, peakBytes } = await worker.call("train", { samples: "s", run: runOfSteps(1) });
      assert.ok(peakBytes >= stateBytes && peakBytes <= CAP_BYTES, `a step took ${peakBytes} bytes`);
      losses.push(...steps.map(({ loss }) => loss));
    }
    assert.equal(losses.length, 3);
    assert.ok(losses.every(Number.isFinite) && losses[0] !== losses[1]);
    assert.equal(losses[2], losses[0], "the same load and step give the same loss");
  } finally {
    await worker.close();
  }
});

test("a hundred retrainings in one worker do not grow its memory", async () => {
  const worker = await EngineWorker.start({ environment: process.env });
  try {
    const { graph, weights } = smallModel();
    await worker.setSamples("s", smallSamples(BATCH));
    let after20 = 0;
    for (let round = 1; round <= 100; round++) {
      await worker.load({ graph, weights, training: setupOf({ microBatch: BATCH }) });
      await worker.call("train", { samples: "s", run: runOfSteps(1) });
      if (round % 20 !== 0) continue;
      const { residentBytes } = await worker.call("memory", { resetPeak: false });
      if (round === 20) after20 = residentBytes;
      const growth = Math.round((residentBytes - after20) / MIB);
      assert.ok(growth <= MOST_GROWTH_MIB, `${growth} MiB more after round ${round} than after 20`);
    }
  } finally {
    await worker.close();
  }
});
