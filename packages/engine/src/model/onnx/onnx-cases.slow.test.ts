import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertSameGradients } from "../../test-support/compare-gradients.ts";
import { engineGradients } from "../../test-support/engine-run.ts";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import {
  assertSameOutputs,
  channelsLast,
  evaluate,
  moved,
  readOnnxCase,
  runOnnx,
} from "../../test-support/onnx-run.ts";
import type { ModelWeights } from "../model-graph.ts";
import { type OnnxModel, readOnnxModel } from "./read-onnx-model.ts";
import { writeOnnxModel } from "./write-onnx-model.ts";

/**
 * Models as PyTorch's exporters write them. Large ones are made by `packages/lab/peers/onnx_models.py` and tried with
 * `MPO_ONNX_CASES`.
 */
const CASES = process.env["MPO_ONNX_CASES"] ?? fileURLToPath(new URL("../../../cases/onnx/", import.meta.url));
const ONLY = process.env["MPO_ONNX_ONLY"] ?? "";
const GRADIENT_TOLERANCE = 1e-3;

for (const name of readdirSync(CASES).filter((each) => each.startsWith(ONLY))) {
  test(`${name}: the engine computes what ONNX Runtime does, before and after it was written`, () =>
    withFolder(async (folder) => {
      const { file, shape, inputs, labels, gradients } = readOnnxCase(join(CASES, name));
      const images = channelsLast(inputs, shape);
      const model = await readOnnxModel(file);
      const padded = new Set(model.graph.nodes.flatMap(({ kind, name: zeros }) => (kind === "zeroPad" ? [zeros] : [])));
      const copies = model.graph.nodes.filter(({ kind, inputs: [x = ""] }) => kind.endsWith("onv2d") && padded.has(x));
      assert.deepEqual(copies, [], "zeros are left before convolutions");
      if (gradients === undefined)
        assertSameOutputs(await evaluate(model, images), (await runOnnx(file, inputs, shape)).values, "as read");
      const changed = { ...model, weights: moved(model.weights) };
      const written = join(folder, "written.onnx");
      await writeOnnxModel(changed, written);
      if (gradients === undefined) {
        assertSameOutputs(await evaluate(changed, images), (await runOnnx(written, inputs, shape)).values, "written");
      }
      const again = await readOnnxModel(written);
      assert.deepEqual(again.graph, model.graph);
      for (const [variable, values] of changed.weights) assert.deepEqual(again.weights.get(variable), values, variable);
      if (gradients !== undefined) {
        const samples = { images, labels, count: labels.length };
        const { gradients: own } = await engineGradients({ ...model, samples, config: { microBatch: labels.length } });
        const [actual, expected] = inFileOrder(model, own, gradients);
        assertSameGradients(actual, expected, GRADIENT_TOLERANCE);
      }
    }));
}

/** Gradients of the engine and of PyTorch by name of the file's tensor, each in its order. */
function inFileOrder(model: OnnxModel, own: ModelWeights, peer: ModelWeights): readonly [ModelWeights, ModelWeights] {
  const actual = new Map<string, Float32Array>();
  for (const [variable, values] of own) {
    const { origin, arrange } = model.onnx.sources.get(variable)!;
    const name = origin?.tensor.name ?? "";
    const expected = peer.get(name);
    assert.ok(expected, `${variable} comes from "${name}", which PyTorch does not know`);
    const places = arrange(origin!.arrange(Int32Array.from(expected, (_, place) => place)));
    const stored = actual.get(name) ?? new Float32Array(expected.length);
    for (const [index, place] of places.entries()) stored[place] = values[index]!;
    actual.set(name, stored);
  }
  return [actual, peer];
}
