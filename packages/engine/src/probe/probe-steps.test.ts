import assert from "node:assert/strict";
import { test } from "node:test";
import { freezingChoices, frozenParameters, METHOD_NAMES, prescribedRates } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { buildModel } from "../model/zoo/build-model.ts";
import { probeSteps } from "./probe-steps.ts";

const chain = chainOf(buildModel({ model: "resnet20", norm: "batch", inputShape: [32, 32, 3], classes: 10 }));

for (const loss of METHOD_NAMES) {
  test(`a probe for ${loss} measures nothing that a search could not choose`, () => {
    const choices = new Set(freezingChoices(chain, prescribedRates(loss)).map(({ frozen }) => frozen.join()));
    const groups = probeSteps(chain, { effectiveBatch: 64, loss, seed: 3 });
    assert.ok(groups.length >= 6);
    for (const { first, others } of groups) {
      for (const config of [first, ...others]) {
        const frozen = frozenParameters(chain, config.freezing);
        // What freezes everything is left out by the probe itself.
        if (loss !== "norm" && frozen.every((isFrozen) => isFrozen)) continue;
        assert.ok(choices.has(frozen.join()), JSON.stringify(config.freezing));
      }
    }
  });
}
