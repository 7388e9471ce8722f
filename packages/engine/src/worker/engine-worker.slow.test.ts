import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { readdir } from "node:fs/promises";
import { extname } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MpoError, type MpoErrorCode } from "@mpo/core";
import * as tf from "@tensorflow/tfjs";
import { evaluateWithTfjs } from "../test-support/evaluate-with-tfjs.ts";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { runOfSteps, setupOf, smallModel, smallSamples } from "../test-support/small-training.ts";
import type { StepReport } from "../training/train-loop.ts";
import { EngineWorker, type WorkerOptions } from "./engine-worker.ts";

const BATCH = 8;
/** More than any test waits for: the training must be ended from outside. */
const ENDLESS = runOfSteps(1_000_000_000);

/** Runs a test with a worker; afterwards its process is gone, also when the test fails. */
async function withWorker(
  options: Partial<WorkerOptions>,
  use: (worker: EngineWorker) => Promise<void>,
): Promise<void> {
  const worker = await EngineWorker.start({ environment: process.env, ...options });
  const { pid } = worker;
  try {
    await use(worker);
  } finally {
    await worker.close();
  }
  assert.equal(isAlive(pid), false, "the worker outlives its close");
}

async function loadSmall(worker: EngineWorker): Promise<void> {
  await worker.load({ ...smallModel(), training: setupOf({ microBatch: BATCH }) });
  await worker.setSamples("s", smallSamples(BATCH));
}

function isAlive(pid: number | undefined): boolean {
  assert.ok(pid !== undefined);
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function failsAs(code: MpoErrorCode, message = /./): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof MpoError, `${String(error)} is not an MpoError`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

test("a worker loads, trains with progress, evaluates, and hands weights out and in", () =>
  withWorker({}, async (worker) => {
    const { graph, weights } = smallModel();
    const loaded = await worker.load({ graph, weights, training: setupOf({ microBatch: BATCH }) });
    assert.ok(loaded.idleBytes > 0 && loaded.plannedBytes > 0);
    assert.equal(loaded.stateBytes, 0);
    assert.match(loaded.tensorflowVersion, /^2\./);
    await worker.setSamples("s", smallSamples(BATCH));
    assert.deepEqual(await worker.call("readWeights", {}), weights);

    const seen: StepReport[] = [];
    const report = await worker.call(
      "train",
      { samples: "s", run: runOfSteps(4) },
      { onProgress: (r) => seen.push(r) },
    );
    assert.deepEqual(seen, report.steps);
    assert.deepEqual(
      seen.map(({ step }) => step),
      [1, 2, 3, 4],
    );
    assert.ok((seen[3]?.loss ?? 9) < (seen[0]?.loss ?? 0), "the loss does not fall");

    const trained = await worker.call("readWeights", {});
    assert.notDeepEqual(trained, weights);
    const { images } = smallSamples(BATCH);
    const { logits } = await worker.call("evaluate", { samples: "s", batch: 3, features: true });
    const expected = evaluateWithTfjs(tf, { graph, weights: trained }, images);
    logits.forEach((value, index) => {
      assert.ok(Math.abs(value - (expected[index] ?? 0)) < 1e-3, `logit ${index}: ${value} is not ${expected[index]}`);
    });

    await worker.assignWeights(weights);
    assert.deepEqual(await worker.call("readWeights", {}), weights);
    const memory = await worker.call("memory", { resetPeak: true });
    assert.ok(memory.peakBytes >= memory.residentBytes && memory.residentBytes > 0);
  }));

test("features are what the last dense layer reads", () =>
  withWorker({}, async (worker) => {
    await loadSmall(worker);
    const weights = await worker.call("readWeights", {});
    const { logits, features } = await worker.call("evaluate", { samples: "s", batch: BATCH, features: true });
    const [kernel, bias] = ["logits/kernel", "logits/bias"].map((name) => weights.get(name)) as [
      Float32Array,
      Float32Array,
    ];
    const width = kernel.length / 10;
    assert.equal(features?.length, BATCH * width);
    logits.forEach((value, index) => {
      let sum = bias[index % 10] ?? 0;
      for (let k = 0; k < width; k++) {
        sum += (features?.[Math.floor(index / 10) * width + k] ?? 0) * (kernel[k * 10 + (index % 10)] ?? 0);
      }
      assert.ok(Math.abs(value - sum) < 1e-4, `logit ${index}: ${value} is not ${sum}`);
    });
    const without = await worker.call("evaluate", { samples: "s", batch: BATCH, features: false });
    assert.equal(without.features, undefined);
  }));

test("what a worker cannot do is an error value, and it goes on", () =>
  withWorker({}, async (worker) => {
    const { graph, weights } = smallModel();
    await assert.rejects(worker.call("readWeights", {}), failsAs("precondition-failed", /no model/));
    await assert.rejects(worker.assignWeights(weights), failsAs("precondition-failed", /no model/));
    const without = new Map(weights);
    without.delete("conv/kernel");
    await assert.rejects(worker.load({ graph, weights: without }), failsAs("invalid-data", /conv\/kernel/));
    const short = new Map(weights).set("logits/bias", new Float32Array(3));
    await assert.rejects(worker.load({ graph, weights: short }), failsAs("invalid-data", /logits\/bias.*3.*10/));

    await worker.load({ graph, weights });
    await assert.rejects(worker.assignWeights(short), failsAs("invalid-data"));
    await assert.rejects(
      worker.call("train", { samples: "s", run: runOfSteps(1) }),
      failsAs("precondition-failed", /training setup/),
    );
    await assert.rejects(
      worker.call("evaluate", { samples: "x", batch: 2, features: false }),
      failsAs("not-found", /x/),
    );
    await worker.setSamples("bad", { images: new Float32Array(7), count: 1 });
    await assert.rejects(
      worker.call("evaluate", { samples: "bad", batch: 1, features: false }),
      failsAs("invalid-data"),
    );
    const checkpoints = { kind: "boundaries", at: [99] } as const;
    await assert.rejects(
      worker.load({ graph, weights, training: setupOf({ checkpoints }) }),
      failsAs("invalid-argument", /checkpoints.at has 99/),
    );
    await loadSmall(worker);
    await assert.rejects(
      worker.call("evaluate", { samples: "s", batch: 0, features: false }),
      failsAs("invalid-argument", /batch is 0/),
    );
    const unlabelled = { ...smallSamples(BATCH), labels: new Int32Array(1) };
    await worker.setSamples("unlabelled", unlabelled);
    await assert.rejects(
      worker.call("train", { samples: "unlabelled", run: runOfSteps(1) }),
      failsAs("invalid-data", /1 labels; expected 8/),
    );
    assert.equal((await worker.call("train", { samples: "s", run: runOfSteps(1) })).steps.length, 1);
  }));

test("samples of several messages are whole, and may share their images", () =>
  withWorker({}, async (worker) => {
    await worker.load(smallModel());
    const samples = smallSamples(5_000);
    const logitsOf = async (name: string): Promise<Float32Array> =>
      (await worker.call("evaluate", { samples: name, batch: 50, features: false })).logits;
    await worker.setSamples("whole", samples);
    const logits = await logitsOf("whole");
    for (const from of [0, 2_000, 4_900]) {
      const images = samples.images.slice(from * 128, (from + 100) * 128);
      await worker.setSamples("some", { images, count: 100 });
      assert.deepEqual(await logitsOf("some"), logits.slice(from * 10, (from + 100) * 10));
    }
    await worker.call("sameSamples", { name: "first", of: "whole", count: 150 });
    assert.deepEqual(await logitsOf("first"), logits.slice(0, 1_500));
  }));

test("neither graphs nor weights are left behind in the temporary folder", () =>
  withFolder((folder) =>
    withWorker({ temporaryFolder: folder, environment: { ...process.env, TMPDIR: folder } }, async (worker) => {
      await worker.load(smallModel());
      await assert.rejects(worker.load({ ...smallModel(), weights: new Map() }), failsAs("invalid-data"));
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.startsWith("mpo-")),
        [],
      );
    }),
  ));

test("a training is cancelled after its step, and the worker goes on", () =>
  withWorker({}, async (worker) => {
    await loadSmall(worker);
    const stop = new AbortController();
    const training = worker.call(
      "train",
      { samples: "s", run: ENDLESS },
      {
        signal: stop.signal,
        onProgress: ({ step }) => {
          if (step === 2) stop.abort();
        },
      },
    );
    await assert.rejects(training, failsAs("cancelled"));
    assert.equal((await worker.call("train", { samples: "s", run: runOfSteps(2) })).steps.length, 2);
  }));

test("a call or a start with a signal that is already aborted is cancelled", () =>
  withWorker({}, async (worker) => {
    const signal = AbortSignal.abort();
    await assert.rejects(worker.call("memory", { resetPeak: false }, { signal }), failsAs("cancelled"));
    await assert.rejects(EngineWorker.start({ environment: process.env }, { signal }), failsAs("cancelled"));
    const starting = new AbortController();
    const start = EngineWorker.start({ environment: process.env }, { signal: starting.signal });
    starting.abort();
    await assert.rejects(start, failsAs("cancelled"));
  }));

test("a worker that does not answer in time is ended", () =>
  withWorker({}, async (worker) => {
    await loadSmall(worker);
    await assert.rejects(
      worker.call("train", { samples: "s", run: ENDLESS }, { timeoutMs: 200 }),
      failsAs("timed-out", /200 ms/),
    );
    await assert.rejects(worker.call("memory", { resetPeak: false }), failsAs("timed-out"));
  }));

test("a worker that is killed in a step is an error value of every call", () =>
  withWorker({}, async (worker) => {
    await loadSmall(worker);
    const { pid } = worker;
    assert.ok(pid !== undefined);
    const training = worker.call(
      "train",
      { samples: "s", run: ENDLESS },
      { onProgress: ({ step }) => void (step === 2 && process.kill(pid, "SIGKILL")) },
    );
    const waiting = worker.call("memory", { resetPeak: false });
    await Promise.all([
      assert.rejects(training, failsAs("worker-killed", /SIGKILL/)),
      assert.rejects(waiting, failsAs("worker-killed", /SIGKILL/)),
    ]);
    await assert.rejects(worker.call("memory", { resetPeak: false }), failsAs("worker-killed", /SIGKILL/));
    await assert.rejects(worker.load(smallModel()), failsAs("worker-killed", /SIGKILL/));
  }));

test("closing is possible at any time and more than once, and ends what is running", () =>
  withWorker({}, async (worker) => {
    await loadSmall(worker);
    let training: Promise<unknown> = Promise.resolve();
    await new Promise<void>((isRunning) => {
      training = worker.call("train", { samples: "s", run: ENDLESS }, { onProgress: () => isRunning() });
      training.catch(() => isRunning());
    });
    const rejected = assert.rejects(training, failsAs("cancelled", /closed/));
    await Promise.all([worker.close(), worker.close()]);
    await rejected;
    await worker.close();
    await assert.rejects(worker.call("memory", { resetPeak: false }), failsAs("cancelled", /closed/));
  }));

test("a worker ends when its parent is killed", async () => {
  const parent = fork(
    fileURLToPath(new URL(`../test-support/worker-parent${extname(import.meta.url)}`, import.meta.url)),
  );
  try {
    const pid = await new Promise<number>((resolve, reject) => {
      parent.once("message", (message) => resolve(message as number));
      parent.once("exit", () => reject(new Error("the parent ended before its worker trained")));
    });
    assert.equal(isAlive(pid), true);
    parent.kill("SIGKILL");
    await untilGone(pid);
  } finally {
    parent.kill("SIGKILL");
  }
});

/** Resolves when the process is gone; the test's own timeout ends the wait for one that stays. */
async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await setTimeout(50);
}
