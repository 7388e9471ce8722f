import assert from "node:assert/strict";
import { test } from "node:test";
import { resnetLikeChain, tinyChain } from "../test-support/tiny-chain.ts";
import { type Chain, chainSchema } from "./chain.ts";
import { checked } from "./schema.ts";

const sound: Chain = tinyChain();
const [op] = sound.ops as readonly [Chain["ops"][number]];
const [unit] = sound.units as readonly [Chain["units"][number]];

void test("a sound chain stays as it is", () => {
  for (const chain of [sound, resnetLikeChain(20, "batchNorm")]) {
    assert.deepEqual(checked(chainSchema, chain, "chain"), chain);
  }
});

const withOp = (change: object): object => ({ ...sound, ops: [{ ...op, ...change }, ...sound.ops.slice(1)] });
const withUnit = (change: object): object => ({ ...sound, units: [{ ...unit, ...change }, ...sound.units.slice(1)] });

const refused: readonly { readonly what: string; readonly chain: unknown; readonly says: RegExp }[] = [
  { what: "nothing", chain: undefined, says: /^chain is absent; expected an object/u },
  { what: "no object", chain: 5, says: /^chain is 5/u },
  { what: "ids out of order", chain: withOp({ id: 3 }), says: /ops\[0\]\.id is 3/u },
  { what: "a value read before it is made", chain: withOp({ inputs: [1] }), says: /ops\[0\]\.inputs/u },
  { what: "a value made twice", chain: withOp({ output: 0 }), says: /ops\[0\]\.output/u },
  { what: "a parameter that is not there", chain: withOp({ parameters: [99] }), says: /\.parameters/u },
  { what: "an infinite count", chain: withOp({ kernelBytes: 1e300 }), says: /kernelBytes/u },
  { what: "a unit of another's operations", chain: withOp({ unit: 7 }), says: /units\[0\]/u },
  { what: "a unit that ends too late", chain: withUnit({ lastOp: 99 }), says: /units\[0\]/u },
  { what: "no units", chain: { ...sound, units: [] }, says: /units/u },
  { what: "an output that nothing makes", chain: { ...sound, output: 99 }, says: /output is 99/u },
];
for (const { what, chain, says } of refused) {
  void test(`${what} is refused`, () => {
    assert.throws(() => checked(chainSchema, chain, "chain"), { code: "invalid-data", message: says });
  });
}
