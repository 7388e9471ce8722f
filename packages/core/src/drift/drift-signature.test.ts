import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  driftSignature,
  type InputLook,
  MAX_SIGNATURE_VALUE,
  NEAR_DISTANCE,
  nearestBySignature,
  SIGNATURE_LENGTH,
  signatureDistance,
} from "./drift-signature.ts";

const share = fc.double({ min: 0, max: 1, noNaN: true });
const look: fc.Arbitrary<InputLook> = fc.record({
  features: fc.record({ brightness: share, contrast: share, detail: share }),
  texture: fc.record({ coarse: share, column: share, bend: fc.double({ min: 0, max: 2, noNaN: true }) }),
  intensities: fc.array(fc.nat(1_000_000), { minLength: 16, maxLength: 16 }),
});

describe("a signature", () => {
  it("is short and bounded, whatever the inputs", () => {
    fc.assert(
      fc.property(look, (inputs) => {
        const signature = driftSignature(inputs);
        assert.equal(signature.length, SIGNATURE_LENGTH);
        assert.ok(signature.every((value) => Math.abs(value) <= MAX_SIGNATURE_VALUE));
      }),
    );
  });

  it("does not depend on how many inputs there were", () => {
    fc.assert(
      fc.property(look, (inputs) => {
        const more = { ...inputs, intensities: inputs.intensities.map((count) => 3 * count) };
        assert.ok(signatureDistance(driftSignature(inputs), driftSignature(more)) < 1e-9);
      }),
    );
  });

  it("has a distance that is a metric", () => {
    fc.assert(
      fc.property(look, look, look, (...three) => {
        const [a, b, c] = three.map(driftSignature) as [number[], number[], number[]];
        assert.equal(signatureDistance(a, a), 0);
        assert.equal(signatureDistance(a, b), signatureDistance(b, a));
        assert.ok(signatureDistance(a, c) <= signatureDistance(a, b) + signatureDistance(b, c) + 1e-9);
      }),
    );
  });

  it("finds the nearest that is near enough, or none", () => {
    const at = (value: number) => ({ signature: [value, ...new Array<number>(SIGNATURE_LENGTH - 1).fill(0)] });
    const items = [0.3, 0.05, 0.02, 0.9].map(at);
    assert.equal(nearestBySignature(at(0).signature, items)?.item, items[2]);
    assert.equal(nearestBySignature(at(0.5).signature, items), undefined);
    assert.equal(nearestBySignature(at(0.9 + NEAR_DISTANCE / 2).signature, items)?.item, items[3]);
  });
});
