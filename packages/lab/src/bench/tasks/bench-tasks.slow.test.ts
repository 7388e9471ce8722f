import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCommand } from "@mpo/cli/testing";
import { encodeIdxImages, encodeIdxLabels, encodePng, syntheticImages } from "@mpo/datasets/testing";

const SIZES = ["--samples", "32", "--judge-samples", "24", "--batch", "16", "--epochs", "1"];
const SOURCE = ["--source-epochs", "1", "--source-batch", "16"];

describe("mpo bench tasks", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-tasks-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const tasks = async (...args: readonly string[]): ReturnType<typeof runCommand> =>
    await runCommand(["bench", "tasks", "--json", ...SIZES, ...SOURCE, ...args]);

  it("adapts from one domain of pictures to another, laid out as Office-31 is", async () => {
    const root = join(folder, "office");
    for (const [seed, place] of ["amazon/images", "webcam"].entries()) {
      const size = 20 + 4 * seed;
      const set = syntheticImages({ count: 60, height: size, width: size, channels: 3, seed });
      const length = size * size * 3;
      for (let i = 0; i < set.count; i++) {
        const path = join(root, place, set.classNames![set.labels![i]!]!);
        await mkdir(path, { recursive: true });
        const png = await encodePng(set.images.subarray(i * length, (i + 1) * length), set);
        await writeFile(join(path, `${i}.png`), png);
      }
    }
    const { code, stderr, records } = await tasks(
      ...["--data", root, "--tasks", "amazon:webcam", "--image-size", "16", "--methods", "tent,crossEntropy"],
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      records.map(({ task, method }) => `${String(task)} ${String(method)}`),
      ["on its source", "source only", "tent", "crossEntropy"].map((method) => `amazon:webcam ${method}`),
    );
    for (const { accuracy, method, peakBytes, trainingMs } of records) {
      assert.ok(Number(accuracy) >= 0 && Number(accuracy) <= 1);
      const isTrained = method === "tent" || method === "crossEntropy";
      assert.deepEqual([Number(peakBytes) > 0, Number(trainingMs) > 0], [isTrained, isTrained], String(method));
    }
    const refused = await tasks("--data", root, "--tasks", "amazon:nowhere");
    assert.match(refused.stderr, /no domain "nowhere"; found amazon, webcam/u);
  });

  it("brings digits of any file to the source's size, seed by seed", async () => {
    const root = join(folder, "digits");
    await mkdir(join(root, "mnist"), { recursive: true });
    await mkdir(join(root, "uci"), { recursive: true });
    for (const [part, seed] of [
      ["train", 1],
      ["t10k", 2],
    ] as const) {
      const set = syntheticImages({ count: 60, height: 12, width: 12, channels: 1, seed });
      const labels = set.labels!.map((_, i) => i % 10);
      await writeFile(join(root, "mnist", `${part}-images-idx3-ubyte`), encodeIdxImages(set));
      await writeFile(join(root, "mnist", `${part}-labels-idx1-ubyte`), encodeIdxLabels(labels));
    }
    const line = (digit: number): string =>
      [...Array.from({ length: 64 }, (_, i) => (i + digit) % 17), digit].join(",");
    const lines = Array.from({ length: 60 }, (_, i) => line(i % 10));
    await writeFile(join(root, "uci", "digits.csv"), lines.join("\n"));
    const { code, stderr, records } = await tasks(
      "--data",
      root,
      "--tasks",
      "mnist:uci",
      "--seeds",
      "1,2",
      "--methods",
      "tent",
    );
    assert.equal(code, 0, stderr);
    assert.equal(records.length, 2 * 3);
    assert.deepEqual([...new Set(records.map(({ seed }) => seed))], [1, 2]);
  });
});
