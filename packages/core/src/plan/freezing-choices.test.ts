import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arbitraryChain, resnetLikeChain, tinyChain } from "../test-support/tiny-chain.ts";
import { frozenParameters } from "./freezing.ts";
import { freezingChoices, trainedBytes } from "./freezing-choices.ts";

test("freezingChoices gives each set once, with rates that give it", () => {
  fc.assert(
    fc.property(arbitraryChain(), (chain) => {
      const choices = freezingChoices(chain);
      assert.equal(new Set(choices.map(({ frozen }) => frozen.join())).size, choices.length);
      for (const { rates, frozen } of choices) {
        assert.deepEqual(frozen, frozenParameters(chain, rates));
        assert.ok(trainedBytes(chain, frozen) > 0);
      }
    }),
    { seed: 1, numRuns: 30 },
  );
});

test("freezingChoices leaves no set out that rates in tenths can give while the classifier trains", () => {
  const chain = resnetLikeChain(20);
  const known = new Set(freezingChoices(chain).map(({ frozen }) => frozen.join()));
  for (let feature = 0; feature <= 10; feature++) {
    for (let norm = 0; norm <= 10; norm++) {
      const rates = { featureExtraction: feature / 10, normalisation: norm / 10, linear: 0 };
      assert.ok(known.has(frozenParameters(chain, rates).join()));
    }
  }
  assert.equal(known.size, 121);
});

test("freezingChoices starts with the least frozen, and keeps to a method's fixed rates", () => {
  const chain = tinyChain();
  assert.ok(freezingChoices(chain)[0]?.frozen.every((isFrozen) => !isFrozen));
  const tent = freezingChoices(chain, { featureExtraction: 1, linear: 1 });
  assert.equal(tent.length, 4);
  assert.ok(tent.every(({ rates }) => rates.featureExtraction === 1 && rates.linear === 1));
});
