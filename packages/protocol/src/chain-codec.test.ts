import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import type { Chain } from "@mpo/core";
import fc from "fast-check";
import { chainFromBytes, chainToBytes } from "./chain-codec.ts";
import { chains } from "./test-support/chain-arbitraries.ts";

const [sound] = fc.sample(chains, { numRuns: 1, seed: 11 }) as [Chain];
const [op] = sound.ops as readonly [Chain["ops"][number]];
const [unit] = sound.units as readonly [Chain["units"][number]];

function packed(value: unknown): Uint8Array {
  return deflateRawSync(JSON.stringify(value));
}

void test("a chain comes back as it was, from equal bytes", () => {
  fc.assert(
    fc.property(chains, (chain) => {
      const bytes = chainToBytes(chain);
      assert.deepStrictEqual(chainFromBytes(bytes), chain);
      assert.deepEqual(chainToBytes(chainFromBytes(bytes)), bytes);
    }),
    { numRuns: 30 },
  );
});

const withOp = (change: object): object => ({ ...sound, ops: [{ ...op, ...change }, ...sound.ops.slice(1)] });
const withUnit = (change: object): object => ({ ...sound, units: [{ ...unit, ...change }, ...sound.units.slice(1)] });

const refused: readonly { readonly what: string; readonly bytes: Uint8Array; readonly says: RegExp }[] = [
  { what: "nothing", bytes: new Uint8Array(), says: /chain is 0 bytes/u },
  { what: "noise", bytes: Uint8Array.of(1, 2, 3, 4), says: /no compressed JSON/u },
  { what: "a bomb", bytes: deflateRawSync(Buffer.alloc(8 * 2 ** 20, 0x20)), says: /no compressed JSON/u },
  { what: "a deep nest", bytes: deflateRawSync("[".repeat(200_000)), says: /no compressed JSON/u },
  { what: "no object", bytes: packed(5), says: /chain is 5/u },
  { what: "ids out of order", bytes: packed(withOp({ id: 3 })), says: /ops\[0\]\.id is 3/u },
  { what: "a value read before it is made", bytes: packed(withOp({ inputs: [1] })), says: /ops\[0\]\.inputs/u },
  { what: "a value made twice", bytes: packed(withOp({ output: 0 })), says: /ops\[0\]\.output/u },
  { what: "a parameter that is not there", bytes: packed(withOp({ parameters: [99] })), says: /\.parameters/u },
  { what: "an infinite count", bytes: packed(withOp({ kernelBytes: 1e300 })), says: /kernelBytes/u },
  { what: "a unit of another's operations", bytes: packed(withOp({ unit: 7 })), says: /units\[0\]/u },
  { what: "a unit that ends too late", bytes: packed(withUnit({ lastOp: 99 })), says: /units\[0\]/u },
  { what: "no units", bytes: packed({ ...sound, units: [] }), says: /units/u },
  { what: "an output that nothing makes", bytes: packed({ ...sound, output: 99 }), says: /output is 99/u },
];
for (const { what, bytes, says } of refused) {
  void test(`${what} is refused`, () => {
    assert.throws(() => chainFromBytes(bytes), { code: "invalid-data", message: says });
  });
}
