import assert from "node:assert/strict";
import { test } from "node:test";
import { describeFreezing } from "./describe-config.ts";
import { NOTHING_FROZEN, uniformFreezing } from "./retrain-config.ts";

void test("a freezing says its rates, the layers that it names, or both", () => {
  const cases = [
    [NOTHING_FROZEN, "nothing frozen"],
    [uniformFreezing(0.5), "frozen: 50 % of layers"],
    [{ ...NOTHING_FROZEN, linear: 1 }, "frozen: all dense layers"],
    [{ ...NOTHING_FROZEN, onlyLayers: ["stem", "head"] }, "training only stem and head"],
    [{ ...NOTHING_FROZEN, onlyLayers: ["a", "b", "c", "d"] }, "training only a and 3 other layers"],
    [{ ...NOTHING_FROZEN, linear: 1, onlyLayers: ["stem"] }, "training only stem, frozen: all dense layers"],
  ] as const;
  for (const [freezing, words] of cases) assert.equal(describeFreezing(freezing), words);
});
