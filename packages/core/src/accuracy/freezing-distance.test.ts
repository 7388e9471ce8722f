import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTHING_FROZEN, uniformFreezing } from "../facts/retrain-config.ts";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { FreezingDistance } from "./freezing-distance.ts";

const chain = tinyChain();
const layers = [...new Set(chain.parameters.map(({ layer }) => layer))];
const distance = new FreezingDistance(chain);
const only = (...onlyLayers: string[]) => ({ ...NOTHING_FROZEN, onlyLayers });

void test("freezings that leave the same layers to train are no distance apart, however they are said", () => {
  assert.equal(distance.squared(NOTHING_FROZEN, only(...layers)), 0);
  assert.equal(distance.squared(NOTHING_FROZEN, NOTHING_FROZEN), 0);
});

void test("a set is the further from another, the fewer layers they share", () => {
  const [first, second, third, fourth] = layers as [string, string, string, string];
  const known = only(first, second, third);
  assert.ok(distance.squared(known, only(first, second)) < distance.squared(known, only(first)));
  assert.ok(distance.squared(known, only(first, second, fourth)) < distance.squared(known, only(fourth)));
});

void test("rates alone are compared as they are stated", () => {
  assert.equal(distance.squared(uniformFreezing(0.5), { ...uniformFreezing(0.5), linear: 0.75 }), 1);
  assert.equal(new FreezingDistance().squared(only("any"), { ...NOTHING_FROZEN, linear: 0.25 }), 1);
});
