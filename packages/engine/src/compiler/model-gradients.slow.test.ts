import { test } from "node:test";
import { buildModel, MODEL_NAMES, type ModelName } from "../model/zoo/build-model.ts";
import { assertClose, assertSameGradients } from "../test-support/compare-gradients.ts";
import { engineGradients, testSamples } from "../test-support/engine-run.ts";
import { smoothModel } from "../test-support/smooth-model.ts";
import { tfjsGradients } from "../test-support/tfjs-gradients.ts";

const CLASSES = 10;
const SAMPLES = 4;

/** ResNet-101 is ResNet-50 with more of the same blocks, and takes the longest. */
const MODELS: readonly (readonly [ModelName, "batch" | "group"])[] = [
  ...MODEL_NAMES.filter((model) => model !== "resnet101").map((model) => [model, "batch"] as const),
  ["resnet20", "group"],
  ["mobilenet-v3-small", "group"],
];

for (const [model, norm] of MODELS) {
  test(`all gradients of ${model} with ${norm} normalisation are those of tfjs`, async () => {
    const { graph, weights } = smoothModel(buildModel({ model, norm, inputShape: [32, 32, 3], classes: CLASSES }), 3);
    const samples = testSamples(graph, SAMPLES, CLASSES);
    const expected = tfjsGradients(graph, weights, samples);
    const actual = await engineGradients({ graph, weights, samples });
    assertClose(actual.loss, expected.loss, 1e-4);
    assertSameGradients(actual.gradients, expected.gradients, 1e-3);
  });
}
