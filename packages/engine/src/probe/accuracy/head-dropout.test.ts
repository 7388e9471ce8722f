import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { judgedInterval, labelFreeAccuracy } from "@mpo/core";
import { headOf } from "../../model/model-head.ts";
import { buildModel } from "../../model/zoo/build-model.ts";
import { headDropout, predictionsOf } from "./head-dropout.ts";

interface WindowCase {
  readonly truth: number;
  readonly count: number;
  readonly classes: number;
  readonly featureScale: number;
  readonly features: string;
  readonly kernel: string;
  readonly bias: string;
}

test("the interval holds the truth after a real window in fog, where wrong classes stay the largest", () => {
  const file = new URL("../../../cases/judge/fog-window.json", import.meta.url);
  const { truth, count, classes, featureScale, ...stored } = JSON.parse(readFileSync(file, "utf8")) as WindowCase;
  const floats = (text: string): Float32Array => new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
  const features = Float32Array.from(Buffer.from(stored.features, "base64"), (value) => value * featureScale);
  const [kernel, bias] = [floats(stored.kernel), floats(stored.bias)];
  const graph = buildModel({ model: "resnet20", norm: "batch", inputShape: [28, 28, 1], classes });
  const { classifier } = headOf(graph);
  const weights = new Map([
    [`${classifier}/kernel`, kernel],
    [`${classifier}/bias`, bias],
  ]);
  const width = features.length / count;
  const logits = Float32Array.from({ length: count * classes }, (_, at) => {
    const [row, output] = [Math.floor(at / classes), at % classes];
    let sum = bias[output]!;
    for (let column = 0; column < width; column++) {
      sum += features[row * width + column]! * kernel[column * classes + output]!;
    }
    return sum;
  });
  const runs = headDropout(graph, weights, { features, count }, { runs: 10, seed: 0 });
  const estimate = labelFreeAccuracy(predictionsOf(logits, count), runs);
  const { lower, upper } = judgedInterval(estimate, "label-free", count);
  assert.ok(lower <= truth && truth <= upper, `${truth} by labels, judged ${estimate} (${lower} to ${upper})`);
  assert.ok(estimate - truth < 0.2, `${estimate} for ${truth}`);
});
