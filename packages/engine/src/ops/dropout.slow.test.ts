import assert from "node:assert/strict";
import { test } from "node:test";
import { GraphBuilder } from "../model/graph-builder.ts";
import type { ModelGraph, ModelWeights } from "../model/model-graph.ts";
import { assertSameGradients } from "../test-support/compare-gradients.ts";
import { type EngineRun, engineGradients, runEngine, testSamples, withSession } from "../test-support/engine-run.ts";
import { runGraph } from "../test-support/graph-run.ts";
import { randomModel } from "../test-support/layers-format-testing.ts";
import { OP_TABLE } from "./op-table.ts";

const RATE = 0.3;
const CLASSES = 4;

test("spatial dropout drops whole channels of an image, the same ones in gradient and forward", async () => {
  const g = new GraphBuilder("channels", [3, 2, 1]);
  const wide = g.conv2d(g.input, { filters: 50, kernelSize: 1, useBias: true }, "wide");
  const dropped = g.append("dropout", [wide], { rate: RATE, whole: "channels" }, "dropped");
  const graph = g.build(g.dense(g.flatten(dropped, "flat"), CLASSES, "logits", false));
  const { weights } = randomModel(graph, 2);
  const { gradients } = await engineGradients({ graph, weights, samples: testSamples(graph, 1, CLASSES) });
  const kernel = gradients.get("logits/kernel") as Float32Array;
  const isDropped = Array.from({ length: 50 }, (_, channel) => {
    const pixels = Array.from({ length: 6 }, (__, pixel) => kernel[(pixel * 50 + channel) * CLASSES] === 0);
    assert.ok(
      pixels.every((zero) => zero === pixels[0]),
      `channel ${channel} is dropped in part`,
    );
    return pixels[0] === true;
  });
  assert.deepEqual(
    [...(gradients.get("wide/bias") ?? [])].map((value) => value === 0),
    isDropped,
  );
  assert.ok(isDropped.includes(true) && isDropped.includes(false));
});

/** Smooth, so that finite differences are good; with two dropouts, so that they must differ from each other. */
function droppingGraph(rate: number): ModelGraph {
  const g = new GraphBuilder("dropping", [6, 5, 3]);
  let x = g.conv2d(g.input, { filters: 8, kernelSize: 3, useBias: true }, "first");
  x = g.dropout(g.activation(x, "tanh", "tanh"), rate, "early");
  x = g.conv2d(x, { filters: 6, kernelSize: 3 }, "second");
  x = g.dropout(g.flatten(x, "flat"), rate, "late");
  return g.build(g.dense(x, CLASSES, "logits"));
}

function runOf(rate: number): EngineRun {
  const { graph, weights } = randomModel(droppingGraph(rate), 2);
  return { graph, weights, samples: testSamples(graph, 6, CLASSES) };
}

test("dropout keeps a share of 1 - rate, scaled up, and what it keeps depends on seed and operation only", () => {
  const shape = [50, 4];
  const ones = { images: { shape: [40, ...shape], data: new Float32Array(8000).fill(1) } };
  const [first, again, otherSeed, otherOp] = runGraph(ones, (emit) =>
    [
      [7, 1],
      [7, 1],
      [8, 1],
      [7, 2],
    ].map(([seed = 0, opIndex = 0]) => {
      const definition = OP_TABLE.dropout;
      const place = { attributes: { rate: RATE }, inputShapes: [shape], outputShape: shape, isReadByReluOnly: false };
      return definition.emitForward({
        ...place,
        emit,
        inputs: ["images"],
        variable: () => "",
        handle: () => "",
        training: true,
        updatesMovingStatistics: false,
        blendsStatistics: false,
        statisticsMomentum: undefined,
        statisticsShare: "",
        seed: emit.ints([seed, 0]),
        opIndex,
      }).output;
    }),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const scale = Math.fround(1 / (1 - RATE));
  assert.ok(first.every((value) => value === 0 || Math.abs(value - scale) < 1e-6));
  const kept = first.filter((value) => value !== 0).length / first.length;
  assert.ok(Math.abs(kept - (1 - RATE)) < 0.03, `${kept} are kept`);
  assert.deepEqual(again, first);
  for (const other of [otherSeed, otherOp]) {
    const same = other.filter((value, index) => value === first[index]).length / first.length;
    assert.ok(same < 0.7, `${same} of the mask is the same`);
  }
});

test("the gradient through dropout is that of finite differences with the same seed", async () => {
  const run = runOf(RATE);
  const { gradients } = await engineGradients(run);
  await withSession(run, async (session) => {
    const staged = session.read();
    const lossAt = async (weights: ModelWeights): Promise<number> =>
      (await runEngine({ ...run, weights })).losses[0] as number;
    for (const [name, gradient] of gradients) {
      const length = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      const moved = (by: number): ModelWeights => {
        const values = (staged.get(name) as Float32Array).map((v, i) => v + (by * (gradient[i] ?? 0)) / length);
        return new Map(staged).set(name, values);
      };
      const reach = 2e-2;
      const slope = ((await lossAt(moved(reach))) - (await lossAt(moved(-reach)))) / (2 * reach);
      assert.ok(Math.abs(slope - length) <= 5e-3 * length, `${name}: slope ${slope}, gradient ${length}`);
    }
  });
});

test("a recompute drops the same values as the first run", async () => {
  const run = runOf(RATE);
  const { gradients } = await engineGradients(run);
  for (const segments of [2, 3]) {
    const checkpoints = { kind: "uniform", segments } as const;
    const again = await engineGradients({ ...run, config: { checkpoints } });
    assertSameGradients(again.gradients, gradients, 1e-6);
  }
});

test("another seed drops other values; without a rate the seed changes nothing", async () => {
  const lossOf = async (rate: number, seed: number): Promise<number> =>
    (await runEngine({ ...runOf(rate), seed })).losses[0] as number;
  assert.notEqual(await lossOf(RATE, 1), await lossOf(RATE, 2));
  assert.equal(await lossOf(RATE, 1), await lossOf(RATE, 1));
  assert.equal(await lossOf(0, 1), await lossOf(0, 2));
});

test("evaluation drops nothing", async () => {
  const logitsAt = async (rate: number): Promise<Float32Array> => {
    const run = runOf(rate);
    return await withSession(run, async (session) => Float32Array.from(session.logits(run.samples)));
  };
  assert.deepEqual(await logitsAt(RATE), await logitsAt(0));
});
