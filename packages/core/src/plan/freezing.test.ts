import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayerClass } from "../facts/layer-classes.ts";
import { NOTHING_FROZEN } from "../facts/retrain-config.ts";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { frozenParameters, layersOfClass, valuesWithGradient } from "./freezing.ts";

const chain = tinyChain();

test("layersOfClass lists each layer once, from the input side", () => {
  const counts = (["featureExtraction", "normalisation", "linear"] as const).map(
    (layerClass: LayerClass) => layersOfClass(chain, layerClass).length,
  );
  assert.deepEqual(counts, [4, 4, 1]);
});

test("frozenParameters freezes the first round(rate * count) layers of a class", () => {
  const cases = [
    { rate: 0, frozenConvs: 0 },
    { rate: 0.1, frozenConvs: 0 },
    { rate: 0.25, frozenConvs: 1 },
    { rate: 0.5, frozenConvs: 2 },
    { rate: 1, frozenConvs: 4 },
  ];
  for (const { rate, frozenConvs } of cases) {
    const frozen = frozenParameters(chain, { ...NOTHING_FROZEN, featureExtraction: rate });
    const convs = chain.parameters.filter(({ layerClass }) => layerClass === "featureExtraction");
    assert.deepEqual(
      convs.map(({ id }) => frozen[id]),
      convs.map((_, index) => index < frozenConvs),
      `rate ${rate}`,
    );
    assert.equal(frozen.filter(Boolean).length, frozenConvs);
  }
});

test("frozenParameters lets a layer train where both its class's rate and the names let it", () => {
  const [first, second] = layersOfClass(chain, "featureExtraction") as [string, string];
  const onlyLayers = [first, second];
  const trained = (featureExtraction: number): readonly string[] => {
    const frozen = frozenParameters(chain, { ...NOTHING_FROZEN, featureExtraction, onlyLayers });
    return [...new Set(chain.parameters.flatMap(({ id, layer }) => (frozen[id] ? [] : [layer])))];
  };
  assert.deepEqual(trained(0), onlyLayers);
  assert.deepEqual(trained(0.25), [second]);
});

test("frozenParameters refuses a layer that the model does not have, with the one that was meant", () => {
  const [first] = layersOfClass(chain, "linear") as [string];
  assert.throws(() => frozenParameters(chain, { ...NOTHING_FROZEN, onlyLayers: [`${first}x`] }), {
    code: "invalid-argument",
    message: `onlyLayers: the model has no layer "${first}x" with parameters`,
    hint: `Did you mean ${first}?`,
  });
});

test("valuesWithGradient turns true at the first operation that trains and stays so", () => {
  const allFrozenButHead = frozenParameters(chain, { featureExtraction: 1, normalisation: 1, linear: 0 });
  const wanted = valuesWithGradient(chain, allFrozenButHead);
  assert.deepEqual(
    wanted,
    chain.values.map(({ id }) => id === chain.output),
  );
  const withNorms = valuesWithGradient(chain, frozenParameters(chain, { ...NOTHING_FROZEN, featureExtraction: 1 }));
  assert.deepEqual(
    withNorms,
    chain.values.map(({ id }) => id >= 2),
  );
});
