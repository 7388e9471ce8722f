import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readNpyLabels } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { driftingRequests } from "./drifting-requests.ts";
import { prepareServing } from "./prepare-serving.ts";
import { ServedAccuracy } from "./served-accuracy.ts";

const source = syntheticImages({ count: 20, height: 8, width: 8, channels: 1, seed: 1 });

describe("the example program's requests", () => {
  it("come clean and labelled, without end, and drift when told, once", async () => {
    const { signal } = new AbortController();
    const requests = driftingRequests({ source, corruption: "contrast", imagesPerRequest: 8, seed: 3, signal });
    const spread = ({ images }: { readonly images: Float32Array }): number => Math.max(...images) - Math.min(...images);
    for (let request = 0; request < 6; request++) {
      const { count, labels } = await requests.next();
      assert.deepEqual([count, labels?.length], [8, 8]);
    }
    const clean = spread(await requests.next());
    assert.equal(requests.isDrifted, false);
    requests.beginDrift();
    const first = await requests.next();
    requests.beginDrift();
    const second = await requests.next();
    assert.equal(requests.isDrifted, true);
    assert.ok(spread(first) < clean / 2 && spread(second) < clean / 2, "the contrast is gone");
    assert.notDeepEqual(first.images, second.images, "the second time it does not begin anew");
  });
});

describe("its serving folder", () => {
  it("gets the model and labelled inputs in one step, and keeps a model that is there", async () => {
    const root = await mkdtemp(join(tmpdir(), "mpo-cli-serving-"));
    try {
      const from = await mkdtemp(join(root, "from-"));
      await writeFile(join(from, "model.json"), "first");
      await prepareServing(join(root, "serving"), from, source);
      const model = join(root, "serving", "model");
      assert.deepEqual((await readdir(model)).toSorted(), ["model.json", "reference.labels.npy", "reference.npy"]);
      assert.deepEqual([...(await readNpyLabels(join(model, "reference.labels.npy")))], [...(source.labels ?? [])]);
      await writeFile(join(from, "model.json"), "second");
      await prepareServing(join(root, "serving"), from, source);
      assert.equal(await readFile(join(model, "model.json"), "utf8"), "first");
      assert.deepEqual((await readdir(join(root, "serving"))).toSorted(), ["inputs", "model"]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

describe("its accuracy", () => {
  it("is counted apart for each model, before and after the drift", () => {
    const served = new ServedAccuracy();
    for (const [isDrifted, version, right] of [
      [false, 0, 8],
      [true, 0, 2],
      [false, 0, 7],
      [true, 1, 6],
    ] as const) {
      served.add({ isDrifted, version, images: 8, right });
    }
    assert.deepEqual(
      served.phases.map(({ images, right }) => [images, right]),
      [
        [16, 15],
        [8, 2],
        [8, 6],
      ],
    );
  });
});
