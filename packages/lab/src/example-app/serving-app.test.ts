import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { findServable, type ServingApp, servingFolder } from "@mpo/agent";
import type { ImageSet } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { systemClock } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import { runServingApp, type ServedRequest } from "./serving-app.ts";

const SHAPE = { height: 4, width: 4, channels: 1 };

async function withFolder(check: (root: string, serving: ServingApp) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "mpo-agent-serving-"));
  try {
    await put(root, "cam/model/model.json", "{}");
    await put(root, "cam/model/model-card.json", JSON.stringify({ inputShape: [4, 4, 1] }));
    let draws = 0;
    const random = (): number => (++draws % 1000) / 1000;
    await check(
      root,
      servingFolder({ root, clock: new VirtualClock(5), logger: silentLogger, random, maxTrainingInputs: 10 }),
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function put(root: string, path: string, content: string | Uint8Array, atSeconds?: number): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
  if (atSeconds !== undefined) await utimes(join(root, path), atSeconds, atSeconds);
}

const images = (count: number, seed: number = 1): ImageSet => syntheticImages({ ...SHAPE, count, seed });

async function publish(serving: ServingApp, weights: string): Promise<void> {
  const { staging } = await serving.folders("cam");
  await put(staging, "model.json", `{"weights":"${weights}"}`);
  await serving.publish("cam", staging);
}

describe("the example program", () => {
  it("drops inputs with predictions, and goes over to a retrained model without stopping", () =>
    withFolder(async (root, serving) => {
      const end = new AbortController();
      const loaded: string[] = [];
      let requests = 0;
      const served: ServedRequest[] = [];
      const swaps: number[] = [];
      await runServingApp({
        folder: join(root, "cam"),
        clock: { ...systemClock, monotonicMs: () => performance.now() + 1_000 * requests },
        load: (folder) => {
          loaded.push(folder);
          return Promise.resolve({
            predict: (set) => Promise.resolve(Float32Array.from({ length: set.count * 2 }, (_, at) => at % 2)),
            close: () => Promise.resolve(),
          });
        },
        next: async () => {
          requests += 1;
          if (requests === 8) await publish(serving, "better");
          return requests > 16 ? undefined : { ...images(4), labels: Int32Array.of(1, 1, 1, 0) };
        },
        pauseMs: 0,
        batchInputs: 8,
        keptBatches: 3,
        onServed: (request) => served.push(request),
        onSwap: (version) => swaps.push(version),
        signal: end.signal,
      });
      assert.deepEqual([served.length, swaps, served.at(-1)?.version], [16, [1], 1]);
      for (const { images: count, right, latencyMs } of served) {
        assert.deepEqual([count, right], [4, 3]);
        assert.ok(latencyMs >= 0);
      }
      assert.deepEqual(loaded, [join(root, "cam/model"), (await findServable(join(root, "cam/retrained")))?.folder]);
      const { summaries } = await serving.inputsAfter("cam", "");
      assert.deepEqual(
        summaries.map(({ count, predictionEntropy }) => [count, predictionEntropy]),
        [
          [8, 0],
          [8, 0],
          [8, 0],
        ],
      );
    }));
});
