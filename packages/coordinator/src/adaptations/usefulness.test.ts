import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SIGNATURE_LENGTH } from "@mpo/core";
import fc from "fast-check";
import type { KeptAdaptation } from "./adaptation-record.ts";
import { isOffered, leastUseful, MOST_BYTES_OF_MODEL, MOST_OF_DEVICE, MOST_OF_MODEL, modelOf } from "./usefulness.ts";

const DAY_MS = 86_400_000;
const NOW = 1_000 * DAY_MS;
let count = 0;

function kept(changes: Partial<KeptAdaptation> & { readonly at?: number } = {}): KeptAdaptation {
  const { at = 0, ...rest } = changes;
  count += 1;
  return {
    ...{ tenant: "acme", id: `a${count}`, device: `pi-${count}`, model: "tiny", manifestDigest: "cd".repeat(32) },
    signature: [at, ...new Array<number>(SIGNATURE_LENGTH - 1).fill(0)],
    ...{ judgement: "labels", accuracyBefore: 0.4, accuracyAfter: 0.6, samples: 100 },
    ...{ receivedAtMs: NOW, digest: "ab".repeat(32), bytes: 1_000, trials: [], ...rest },
  };
}

const trials = (...words: readonly boolean[]): KeptAdaptation["trials"] =>
  words.map((hasHelped, at) => ({ device: `judge-${at}`, hasHelped }));

describe("what is kept of what devices have learned", () => {
  it("fits, whatever comes", () => {
    const one = fc
      .record({
        device: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"),
        model: fc.constantFrom("tiny", "large"),
        accuracyAfter: fc.double({ min: 0.4, max: 1, noNaN: true }),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        bytes: fc.integer({ min: 1_000, max: 390_000 }),
      })
      .map(kept);
    fc.assert(
      fc.property(fc.array(one, { maxLength: 120 }), (all) => {
        const gone = leastUseful(all, NOW);
        const rest = all.filter((each) => !gone.includes(each));
        for (const model of new Set(rest.map(modelOf))) {
          const alike = rest.filter((each) => modelOf(each) === model);
          assert.ok(alike.length <= MOST_OF_MODEL);
          assert.ok(alike.reduce((sum, { bytes }) => sum + bytes, 0) <= MOST_BYTES_OF_MODEL);
        }
        for (const device of new Set(rest.map((each) => each.device))) {
          assert.ok(rest.filter((each) => each.device === device).length <= MOST_OF_DEVICE);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("of a device that floods it are its own most useful, and nothing of others goes for it", () => {
    const others = Array.from({ length: 30 }, (_, at) => kept({ at: at / 10 }));
    const flood = Array.from({ length: 40 }, (_, at) => kept({ device: "loud", accuracyAfter: 1, at: 5 + at }));
    const gone = leastUseful([...others, ...flood], NOW);
    assert.equal(gone.length, flood.length - MOST_OF_DEVICE);
    assert.ok(gone.every(({ device }) => device === "loud"));
  });

  it("leaves room for what other tenants have", () => {
    const all = Array.from({ length: 10 }, (_, at) => kept({ at }));
    assert.equal(leastUseful(all, NOW, 4_500).length, 6);
    assert.equal(leastUseful(all, NOW, 0).length, 10);
  });

  it("goes first where it brought little, is old, did not help, or a better one is near", () => {
    const full = Array.from({ length: MOST_OF_MODEL }, (_, at) => kept({ at: at + 1 }));
    const goes = (changes: Parameters<typeof kept>[0]): void => {
      const weak = kept(changes);
      assert.deepEqual(leastUseful([weak, ...full], NOW), [weak], JSON.stringify(changes));
    };
    goes({ accuracyAfter: 0.45 });
    goes({ receivedAtMs: NOW - 90 * DAY_MS });
    goes({ trials: trials(false) });
    goes({ accuracyAfter: 0.59, at: 3.02 });
  });
});

describe("what is offered", () => {
  it("is what others did not refuse; one alone does not speak for all", () => {
    const cases: readonly (readonly [readonly boolean[], boolean])[] = [
      [[], true],
      [[false], true],
      [[false, false], false],
      [[true, false, false, true], true],
      [[true, false, false], false],
    ];
    for (const [words, offered] of cases) {
      assert.equal(isOffered(kept({ trials: trials(...words) })), offered, words.join());
    }
  });
});
