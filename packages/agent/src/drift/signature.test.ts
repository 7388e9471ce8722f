import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { driftSignature, NEAR_DISTANCE, signatureDistance } from "@mpo/core";
import {
  CORRUPTION_NAMES,
  type CorruptionName,
  corrupt,
  type ImageSet,
  type Severity,
  sliceImages,
} from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { joinedLook, summarise } from "./input-summary.ts";

type Drift = CorruptionName | "clean";
const DRIFTS: readonly Drift[] = ["clean", ...CORRUPTION_NAMES];
const COUNT = 128;

async function signature(drift: Drift, seed: number, severity: Severity): Promise<readonly number[]> {
  const clean = syntheticImages({ count: COUNT, height: 28, width: 28, channels: 1, seed });
  const set = drift === "clean" ? clean : await corrupt(clean, drift, severity, seed);
  return driftSignature(joinedLook(halves(set).map((half) => summarise(half, undefined))) ?? assert.fail());
}

function halves(set: ImageSet): readonly ImageSet[] {
  return [sliceImages(set, 0, 32), sliceImages(set, 32, COUNT)];
}

describe("signatures of corrupted images", () => {
  it("are nearest to those of other images with the same corruption, and near enough", async () => {
    const known = await Promise.all(DRIFTS.map(async (drift) => [drift, await signature(drift, 1, 5)] as const));
    for (const drift of DRIFTS) {
      const found = await signature(drift, 2, 5);
      const distances = known.map(([name, other]) => [name, signatureDistance(found, other)] as const);
      const [nearest] = distances.toSorted(([, left], [, right]) => left - right);
      assert.equal(nearest?.[0], drift, JSON.stringify(distances));
      assert.ok((nearest?.[1] ?? 1) <= NEAR_DISTANCE, `${drift} at ${nearest?.[1]}`);
    }
  });

  it("one severity lower, are nearer to their own corruption than to clean images", async () => {
    const clean = await signature("clean", 1, 5);
    for (const drift of CORRUPTION_NAMES) {
      const [found, own] = [await signature(drift, 2, 4), await signature(drift, 1, 5)];
      assert.ok(signatureDistance(found, own) < signatureDistance(found, clean), drift);
    }
  });
});
