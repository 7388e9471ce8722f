import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { METHODS_WITHOUT_LABELS, resolveRetrainConfig, SEARCHED_METHODS } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { Model } from "../model/model-graph.ts";
import { initialWeights } from "../model/variables.ts";
import { firstSamples, type Samples } from "../training/batches.ts";
import { methodNamed } from "../window/method.ts";
import { EngineWorker } from "../worker/engine-worker.ts";
import { evaluateAccuracy } from "./evaluate.ts";
import { normalisationOf, withNormalisation } from "./normalisation-block.ts";
import { retrain } from "./retrain.ts";
import type { Retraining } from "./retrain-context.ts";

const SIDE = 8;
const CLASSES = 3;
const COUNT = 96;

describe("retrain()", () => {
  let worker: EngineWorker;
  let model: Model;
  const drifted = stripes(COUNT, 2, 0.7);

  before(async () => {
    worker = await EngineWorker.start({ environment: process.env, threads: 1 });
    const graph = tinyNet();
    const untrained: Retraining = {
      model: { graph, weights: initialWeights(graph, 1) },
      samples: stripes(COUNT, 1, 0),
      method: "crossEntropy",
      config: resolveRetrainConfig({ microBatch: 32 }),
      epochs: 12,
      seed: 1,
      learningRate: 0.1,
    };
    const source = await retrain(worker, untrained);
    assert.ok(source.isAccepted && (source.accuracyAfter ?? 0) > 0.9, source.reason);
    model = { graph, weights: source.weights };
  });
  after(() => worker.close());

  const task = (change: Partial<Retraining>): Retraining => ({
    model,
    samples: drifted,
    method: "tent",
    config: resolveRetrainConfig({ microBatch: 16, accumulation: 2 }),
    epochs: 2,
    seed: 1,
    ...change,
  });

  for (const method of ["tent", "roid", "shot"] as const) {
    it(`adapts with ${method} without labels, and judges with them`, async () => {
      const reports: number[] = [];
      const result = await retrain(worker, task({ method }), { onProgress: ({ step }) => reports.push(step) });
      assert.equal(result.steps, 6);
      assert.deepEqual(reports, [1, 2, 3, 4, 5, 6]);
      assert.equal(result.config.freezing.linear, 1);
      assert.ok(result.plannedBytes > 0 && result.idleBytes > 0);
      // The first step is left out of the times of single ones; labelling and judging are not part of the training.
      assert.equal(result.stepMs.length, 5);
      assert.ok(result.trainingMs > result.stepMs.reduce((sum, ms) => sum + ms, 0));
      assert.ok(result.overheadMs > 0);
      assert.ok(result.isAccepted, result.reason);
      assert.ok((result.accuracyAfter as number) > (result.accuracyBefore as number), result.reason);
      assert.deepEqual(result.weights.get("logits/kernel"), model.weights.get("logits/kernel"));
      assert.notDeepEqual(result.weights.get("norm/beta"), model.weights.get("norm/beta"));
      assert.equal(await evaluateAccuracy(worker, drifted), result.accuracyAfter);
    });
  }

  it("learns the same of samples that are given away, and of the first of those it is judged on", async () => {
    const copyOf = (samples: Samples): Samples => ({ ...samples, images: samples.images.slice() });
    const some = firstSamples(drifted, 64);
    const [apart, given] = [copyOf(drifted), copyOf(drifted)];
    const expected = await retrain(worker, task({ method: "shot", samples: copyOf(some), judgedOn: apart }));
    const shared = { samples: firstSamples(given, 64), judgedOn: given, isLastUse: true };
    const result = await retrain(worker, task({ method: "shot", ...shared }));
    assert.deepEqual(result.weights, expected.weights);
    assert.equal(result.accuracyAfter, expected.accuracyAfter);
    assert.deepEqual([given.images.length, apart.images.length], [0, drifted.images.length]);
  });

  it("cuts the last epoch short where that is all that is asked for", async () => {
    const result = await retrain(worker, task({ epochs: 2, mostSteps: 4 }));
    assert.deepEqual([result.steps, result.stopped], [4, "finished"]);
  });

  it("takes over statistics with norm in one pass, and trains nothing", async () => {
    const result = await retrain(worker, task({ method: "norm" }));
    assert.deepEqual([result.epochs, result.steps, result.stopped], [1, 3, "finished"]);
    assert.ok((result.accuracyAfter as number) > (result.accuracyBefore as number), result.reason);
    for (const [name, values] of result.weights) {
      const isMoved = name.includes("/moving_");
      assert[isMoved ? "notDeepEqual" : "deepEqual"](values, model.weights.get(name), name);
    }
  });

  it("gives a part of the way to the retrained weights where that is judged best", async () => {
    const unlabelled = { images: drifted.images, count: COUNT };
    const result = await retrain(worker, task({ samples: unlabelled, learningRate: 1e-9 }));
    assert.ok(result.isAccepted && result.share > 0, result.reason);
    const whole = await retrain(worker, task({ samples: unlabelled, learningRate: 1e-9, maxMs: 1 }));
    assert.equal(whole.share, 1, "no time to judge parts");
  });

  it("stops when its time is up, and judges what it learned until then", async () => {
    const hurried = await retrain(worker, task({ epochs: 50, maxMs: 1 }));
    assert.deepEqual([hurried.stopped, hurried.steps], ["outOfTime", 1]);
    assert.deepEqual(hurried.stepMs, []);
    assert.notEqual(hurried.accuracyAfter, undefined);
    const unhurried = await retrain(worker, task({ maxMs: 3_600_000 }));
    assert.deepEqual([unhurried.stopped, unhurried.steps], ["finished", 6]);
  });

  it("starts from what was learned elsewhere where that is better, with labels and without, and only there", async () => {
    const { weights } = await retrain(worker, task({}));
    const normalisation = normalisationOf({ graph: model.graph, weights }) ?? assert.fail();
    const start = withNormalisation(model, normalisation);
    const unlabelled = { images: drifted.images, count: COUNT };
    for (const samples of [drifted, unlabelled]) {
      const started = await retrain(worker, task({ samples, start, epochs: 1, learningRate: 1e-9 }));
      assert.deepEqual([started.isFromStart, started.isAccepted], [true, true], started.reason);
      const gamma = (of: typeof weights): number => of.get("norm/gamma")?.[0] ?? 0;
      assert.ok(Math.abs(gamma(started.weights) - gamma(start)) < 1e-4);
      const dull = new Map([...start, ["norm/gamma", new Float32Array(8).fill(1e-6)]]);
      const refused = await retrain(worker, task({ samples, start: dull, epochs: 1, learningRate: 1e-9 }));
      assert.equal(refused.isFromStart, false, "it says the same of everything");
      assert.ok(Math.abs(gamma(refused.weights) - gamma(model.weights)) < 1e-4);
    }
    assert.equal((await retrain(worker, task({ epochs: 1 }))).isFromStart, false);
  });

  it("is drawn back to the weights as delivered with roid", async () => {
    const { weights } = await retrain(worker, task({ epochs: 4 }));
    const adapted = { graph: model.graph, weights };
    const change = { model: adapted, method: "roid", source: model.weights, learningRate: 1e-9 } as const;
    const result = await retrain(worker, task(change));
    assert.deepEqual([result.isReset, result.steps], [false, 6], result.reason);
    for (const name of ["norm/gamma", "norm/beta"]) {
      const [serving, source, after] = [weights, model.weights, result.weights].map((of) => of.get(name)!);
      for (const [index, value] of serving!.entries()) {
        const drawn = value + result.share * (1 - 0.99 ** 6) * (source![index]! - value);
        assert.ok(Math.abs(after![index]! - drawn) < 1e-6, `${name}: ${after![index]} for ${drawn}`);
      }
    }
  });

  it("begins with shot half-way back to the source, where what serves is surer", async () => {
    const scaled = ([name, values]: [string, Float32Array]) =>
      [name, name === "logits/kernel" ? values.map((value) => 1.5 * value) : values] as const;
    const serving = { ...model, weights: new Map([...model.weights].map(scaled)) };
    const change = { samples: stripes(COUNT, 3, 0), model: serving, method: "shot", source: model.weights } as const;
    const result = await retrain(worker, task({ ...change, learningRate: 1e-9 }));
    assert.ok(result.isAccepted && !result.isReset, result.reason);
    const [before = [], after = []] = [serving, result].map(({ weights }) => weights.get("logits/kernel"));
    before.forEach((value, index) => {
      // Of 1.5 times the source's, half-way is 1.25 times.
      const drawn = value + result.share * (value / 1.2 - value);
      assert.ok(Math.abs(after[index]! - drawn) < 1e-5, `${value} ${after[index]} ${drawn}`);
    });
  });

  it("keeps what matters to reference samples with eata, and forgets it with eta", async () => {
    const usual = stripes(COUNT, 7, 0.5);
    const reference = { images: usual.images, count: COUNT };
    const far = { epochs: 6, learningRate: 0.05 };
    const moved = async (change: Partial<Retraining>): Promise<number> => {
      const { weights, share } = await retrain(worker, task({ ...far, ...change }));
      const [from, to] = [model.weights, weights].map((of) => of.get("norm/beta")!);
      // What is served may be a part of the way.
      return Math.hypot(...to!.map((value, at) => value - from![at]!)) / share;
    };
    const [free, anchored] = [await moved({ method: "eta" }), await moved({ method: "eata", reference })];
    assert.ok(anchored > 0 && anchored < 0.8 * free, `${anchored} of ${free}`);
    await assert.rejects(retrain(worker, task({ method: "eata" })), { code: "precondition-failed" });
  });

  it("starts from the weights as delivered where what serves has collapsed", async () => {
    const dull = new Map([...model.weights, ["norm/gamma", new Float32Array(8).fill(1e-6)]]);
    const collapsed = { graph: model.graph, weights: dull };
    const samples = { images: drifted.images, count: COUNT };
    const result = await retrain(worker, task({ model: collapsed, source: model.weights, samples }));
    assert.deepEqual([result.isReset, result.isFromStart, result.isAccepted], [true, false, true], result.reason);
    const accuracyOf = async (weights: Model["weights"]): Promise<number> => {
      await worker.assignWeights(weights);
      return await evaluateAccuracy(worker, drifted);
    };
    assert.ok((await accuracyOf(result.weights)) > (await accuracyOf(model.weights)));
  });

  it("leaves samples of few classes alone, without labels, and trains nothing", async () => {
    const samples = ofOneClass(stripes(COUNT * CLASSES, 3, 0));
    for (const method of SEARCHED_METHODS) {
      const steps: number[] = [];
      const onProgress = ({ step }: { readonly step: number }): number => steps.push(step);
      const result = await retrain(worker, task({ method, samples, source: model.weights }), { onProgress });
      assert.deepEqual([result.stopped, result.isAccepted, result.steps, steps], ["fewClasses", false, 0, []], method);
      assert.equal(result.weights, model.weights);
      for (const [name, values] of await worker.call("readWeights", {})) {
        assert.deepEqual(values, model.weights.get(name), `${method}: ${name}`);
      }
      const labels = new Int32Array(COUNT);
      const labelled = await retrain(worker, task({ method, samples: { ...samples, labels }, epochs: 1 }));
      assert.equal(labelled.steps, 3, "labels say enough");
    }
  });

  it("goes back to the source in a window of few classes that is like what that has seen", async () => {
    const weights = new Map(model.weights);
    // As after images of quite another brightness.
    weights.set("norm/moving_mean", new Float32Array(8).fill(5));
    const change = { model: { ...model, weights }, source: model.weights };
    const samples = ofOneClass(stripes(COUNT * CLASSES, 3, 0));
    for (const method of ["tent", "shot"] as const) {
      const usual = await retrain(worker, task({ ...change, samples, method }));
      assert.deepEqual([usual.isAccepted, usual.isReset, usual.steps], [true, true, 0], usual.reason);
      assert.match(usual.reason, /few classes.*; back to the weights as deployed, which its inputs fit better$/u);
      assert.equal(usual.weights, model.weights);
    }
  });

  it("only normalises by samples of uneven classes with shot, which wants them even", async () => {
    const some = stripes(COUNT, 5, 0.3);
    const size = SIDE * SIDE;
    const kept = [...(some.labels ?? [])].flatMap((label, index) => (label === 2 ? [] : [index]));
    const images = Float32Array.from(
      kept.flatMap((index) => [...some.images.subarray(index * size, (index + 1) * size)]),
    );
    const samples = { images, count: kept.length };
    const result = await retrain(worker, task({ method: "shot", samples }));
    assert.deepEqual([result.stopped, result.steps, result.isAccepted], ["unevenClasses", 0, true], result.reason);
    for (const [name, values] of result.weights) {
      const isMoved = name.includes("/moving_");
      assert[isMoved ? "notDeepEqual" : "deepEqual"](values, model.weights.get(name), name);
    }
    assert.equal((await retrain(worker, task({ method: "tent", samples }))).steps, 4);
  });

  it("takes the statistics of samples as norm does, whatever else it would train, and forgets them", async () => {
    const unlabelled = { images: drifted.images, count: COUNT };
    const norm = await retrain(worker, task({ method: "norm" }));
    for (const microBatch of [4, 16, 32]) {
      const config = resolveRetrainConfig({ microBatch });
      for (const { loss, optimizer } of ["tent", "roid", "shot"].map(methodNamed)) {
        const training = { config, loss, optimizer, replacesStatistics: true };
        await worker.load({ ...model, training, isOnly: true });
        await worker.setSamples("some", unlabelled);
        await worker.call("takeStatistics", { samples: "some", most: COUNT });
        for (const [name, values] of await worker.call("readWeights", {})) {
          const [own, taken] = [model.weights.get(name)!, norm.weights.get(name)!];
          if (!name.includes("/moving_")) assert.deepEqual(values, own, `${loss}: ${name}`);
          else
            values.forEach((value, index) => {
              const most = 0.2 * Math.abs(taken[index]! - own[index]!) + 1e-3;
              assert.ok(
                Math.abs(value - taken[index]!) < most,
                `${loss} ${microBatch}: ${name} ${own[index]} ${value} ${taken[index]}`,
              );
            });
        }
        const run = { steps: 3, learningRate: { kind: "constant", rate: 1e-3 }, seed: 1, shuffle: true } as const;
        const trained = async (): Promise<readonly number[]> => {
          await worker.assignWeights(model.weights);
          return (await worker.call("train", { samples: "some", run })).steps.map((step) => step.loss);
        };
        const after = await trained();
        await worker.load({ ...model, training, isOnly: true });
        assert.deepEqual(after, await trained(), "no optimizer remembers it");
      }
    }
  });

  it("keeps the old weights when the new are worse", async () => {
    const result = await retrain(worker, task({ method: "shot", learningRate: 30, epochs: 1 }));
    assert.equal(result.isAccepted, false);
    assert.equal(result.weights, model.weights);
    assert.notEqual(result.accuracyBefore, undefined);
  });

  it("stops after its step when it is cancelled, and the worker lives", async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const cancelled = retrain(worker, task({ epochs: 50 }), { signal: controller.signal, onProgress });
    await assert.rejects(cancelled, { code: "cancelled" });
    assert.equal((await retrain(worker, task({ epochs: 1 }))).steps, 3);
  });

  const refused: readonly { readonly what: string; readonly change: Partial<Retraining> }[] = [
    { what: "no epochs", change: { epochs: 0 } },
    { what: "no samples", change: { samples: { images: new Float32Array(0), count: 0 } } },
    { what: "no labels", change: { method: "crossEntropy", samples: { images: drifted.images, count: COUNT } } },
  ];
  for (const { what, change } of refused) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(retrain(worker, task(change)), { code: "invalid-argument" });
    });
  }

  it("names the methods that need no labels where there are none", async () => {
    const samples = { images: drifted.images, count: COUNT };
    const hint = `Without labels, adapt with ${METHODS_WITHOUT_LABELS.join(", ")}.`;
    await assert.rejects(retrain(worker, task({ method: "crossEntropy", samples })), { hint });
  });
});

function tinyNet(): Model["graph"] {
  const g = new GraphBuilder("tiny", [SIDE, SIDE, 1]);
  const conv = g.conv2d(g.input, { filters: 8, kernelSize: 3 }, "conv");
  const norm = g.batchNorm(conv, { epsilon: 1e-5, momentum: 0.9 }, "norm");
  return g.build(g.dense(g.globalAvgPool(g.activation(norm, "relu", "act"), "pool"), CLASSES, "logits"));
}

/** Of each three samples the first. */
function ofOneClass({ images, count }: Samples): Samples {
  const size = images.length / count;
  const first = Array.from({ length: count / CLASSES }, (_, index) =>
    images.subarray(index * CLASSES * size, (index * CLASSES + 1) * size),
  );
  return { images: Float32Array.from(first.flatMap((image) => [...image])), count: first.length };
}

/** Horizontal, vertical and diagonal stripes; `shift` is a drift of the whole image's brightness. */
function stripes(count: number, seed: number, shift: number): Samples {
  const random = createRandom(seed);
  const images = new Float32Array(count * SIDE * SIDE);
  const labels = Int32Array.from({ length: count }, (_, index) => index % CLASSES);
  labels.forEach((label, index) => {
    const phase = random.integer(SIDE);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const along = label === 0 ? y : label === 1 ? x : x + y;
        const stripe = (along + phase) % 4 < 2 ? 1 : 0;
        images[(index * SIDE + y) * SIDE + x] = stripe * (1 - shift) + shift + 0.1 * random.gaussian();
      }
    }
  });
  return { images, labels, count };
}
