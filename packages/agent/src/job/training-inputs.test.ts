import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { encodeNpy, encodeNpyImages } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { readTrainingInputs } from "./training-inputs.ts";

const SHAPE = { height: 4, width: 4, channels: 1 };

describe("inputs for training", () => {
  it("keep a quarter back when all have labels, and judge on all when one has none", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-agent-inputs-"));
    try {
      const path = (name: string): string => join(folder, name);
      for (const name of ["a", "b"]) {
        await writeFile(path(`${name}.npy`), encodeNpyImages(syntheticImages({ ...SHAPE, count: 6, seed: 1 })));
      }
      const labels = (from: number): Uint8Array =>
        encodeNpy({ type: "i4", shape: [6], data: Int32Array.from({ length: 6 }, (_, at) => from + at) });
      await writeFile(path("a.labels.npy"), labels(0));
      const files = [path("a.npy"), path("b.npy"), path("gone.npy")];
      const mixed = await readTrainingInputs(files, SHAPE, 100);
      assert.equal(mixed.samples, mixed.judgedOn);
      assert.deepEqual([mixed.samples.count, mixed.samples.labels], [12, undefined]);
      await writeFile(path("b.labels.npy"), labels(6));
      const { samples, judgedOn } = await readTrainingInputs(files, SHAPE, 10);
      assert.deepEqual([...(judgedOn.labels ?? [])], [3, 7]);
      assert.deepEqual([...(samples.labels ?? [])], [0, 1, 2, 4, 5, 6, 8, 9]);
      assert.equal(samples.images.length, 8 * 16);
      await assert.rejects(readTrainingInputs([path("gone.npy")], SHAPE, 10), { code: "not-found" });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
