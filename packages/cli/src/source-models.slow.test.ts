import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CORRUPTION_NAMES, fashionMnistFolder, loadFashionMnist, readNpy } from "@mpo/datasets";
import { encodePng } from "@mpo/datasets/testing";
import { readModelCard } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { runCommand } from "./testing/run-command.ts";

const MODELS = fileURLToPath(new URL("../models/", import.meta.url));
const NAMES = readdirSync(MODELS);
const hasData = existsSync(join(fashionMnistFolder(process.env, homedir()), "t10k-labels-idx1-ubyte.gz"));
/** A part of the 10,000 test images is enough to notice weights that are not the card's. */
const SAMPLES = 2000;
/** Three standard errors of such a part's accuracy. */
const TOLERANCE = 0.018;

describe("a source model in half precision", { skip: hasData ? false : "no Fashion-MNIST" }, () => {
  it("is as accurate as it was, to a tenth of a point", async () => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-half-"));
    try {
      const accuracies: number[] = [];
      const half = join(folder, "half");
      const whole = join(MODELS, "resnet20-bn");
      const { code, stderr } = await runCommand(["convert", whole, half, "--half"]);
      assert.equal(code, 0, stderr);
      for (const weights of [whole, half]) {
        const { records } = await runCommand(["evaluate", "--json", "--weights", weights]);
        accuracies.push(Number(records[0]?.["accuracy"]));
      }
      const [before = 0, after = 1] = accuracies;
      assert.ok(before > 0.9 && Math.abs(after - before) <= 0.001, accuracies.join(" and "));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("the source models of the repository", () => {
  for (const name of NAMES) {
    it(`${name} has a card with its command, seed and accuracies, clean at least 91 %`, async () => {
      const { trainingCommand, seed, accuracy } = await readModelCard(join(MODELS, name));
      assert.match(trainingCommand, /^mpo train .*--seed 1$/u);
      assert.equal(seed, 1);
      assert.ok((accuracy.clean ?? 0) >= 0.91);
      assert.deepEqual(Object.keys(accuracy.corruptions), [...CORRUPTION_NAMES]);
    });

    it(`${name} is as good as its card says`, { skip: hasData ? false : "no Fashion-MNIST" }, async () => {
      const args = ["evaluate", "--json", "--weights", join(MODELS, name), "--limit", String(SAMPLES)];
      const { code, records, stderr } = await runCommand(args);
      assert.equal(code, 0, stderr);
      const [{ images, samples, accuracy, cardAccuracy } = {}, ...others] = records;
      assert.deepEqual([images, samples, others], ["clean", SAMPLES, []]);
      const message = `${accuracy}, the card says ${cardAccuracy}`;
      assert.ok(Math.abs(Number(accuracy) - Number(cardAccuracy)) < TOLERANCE, message);
    });
  }
});

/** Pictures of a class, of which a fifth is kept for testing. */
const PICTURES = 25;
const KINDS = {
  grey: { width: 28, height: 28, channels: 1 },
  colour: { width: 28, height: 28, channels: 3 },
  oblong: { width: 84, height: 56, channels: 3 },
};

describe("the source models, of folders of pictures as they stand", {
  skip: hasData ? false : "no Fashion-MNIST",
}, () => {
  let folder: string;
  const on = (name: string, kind: string): readonly string[] => [
    ...["--weights", join(MODELS, name), "--dataset", "folder", "--data", join(folder, kind)],
  ];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-bundled-"));
    const set = await loadFashionMnist(fashionMnistFolder(process.env, homedir()), "test");
    const counts = new Map<string, number>();
    for (let index = 0; counts.size < 10 || Math.min(...counts.values()) < PICTURES; index++) {
      const name = set.classNames![set.labels![index]!]!.replace("/", "-");
      const count = (counts.get(name) ?? 0) + 1;
      if (count > PICTURES) continue;
      counts.set(name, count);
      const image = set.images.subarray(index * 784, (index + 1) * 784);
      for (const [kind, { width, height, channels }] of Object.entries(KINDS)) {
        const pixels = Float32Array.from({ length: width * height * channels }, (_, at) => {
          const pixel = Math.floor(at / channels);
          const y = Math.floor((Math.floor(pixel / width) * 28) / height);
          return image[28 * y + Math.floor(((pixel % width) * 28) / width)]!;
        });
        await mkdir(join(folder, kind, name), { recursive: true });
        await writeFile(join(folder, kind, name, `${index}.png`), await encodePng(pixels, { width, height, channels }));
      }
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const name of NAMES) {
    it(`${name} is evaluated on grey, coloured and oblong ones`, async () => {
      const accuracies: unknown[] = [];
      for (const kind of Object.keys(KINDS)) {
        const { records, stderr } = await runCommand(["evaluate", "--json", ...on(name, kind)]);
        assert.equal(records[0]?.["samples"], 50, stderr);
        assert.ok(Number(records[0]["accuracy"]) > 0.8, `${kind}: ${String(records[0]["accuracy"])}`);
        accuracies.push(records[0]["accuracy"]);
      }
      // Shades of grey alone, and pixels that were repeated, are the same images.
      assert.equal(accuracies[0], accuracies[1]);
    });

    it(`${name} is retrained on them and predicts them, with the names of its classes`, async () => {
      const output = join(folder, `${name}-retrained`);
      const counts = ["--samples", "25", "--judge-samples", "25", "--batch", "25", "--epochs", "1", "--threads", "1"];
      const rest = ["--method", "crossEntropy", "--learning-rate", "1e-6", "--corruption", "clean", "-o", output];
      const retrained = await runCommand(["retrain", ...on(name, "oblong"), ...counts, ...rest]);
      assert.equal(retrained.code, EXIT_CODES.ok, retrained.stderr);
      const { classNames } = await readModelCard(join(MODELS, name));
      assert.deepEqual((await readModelCard(output)).classNames, classNames);
      const file = join(folder, `${name}.npy`);
      const boots = ["--input", join(folder, "colour", "Ankle boot"), "-o", file];
      const predicted = await runCommand(["predict", "--weights", output, ...boots, "--probabilities"]);
      assert.equal(predicted.code, EXIT_CODES.ok, predicted.stderr);
      const { data, shape } = await readNpy(file);
      assert.deepEqual(shape, [PICTURES, 10]);
      const isBoot = Array.from({ length: PICTURES }, (_, row) => data.subarray(10 * row, 10 * row + 10)).map(
        (row) => row.indexOf(Math.max(...row)) === classNames?.indexOf("Ankle boot"),
      );
      assert.ok(isBoot.filter(Boolean).length > 0.8 * PICTURES);
    });
  }

  it("are refused with both lists where a class has another name, or one is missing", async () => {
    const bag = join(folder, "grey", "Bag");
    const own = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot";
    const refusedWith = async (found: string): Promise<void> => {
      const { code, stderr } = await runCommand(["evaluate", ...on("resnet20-bn", "grey")]);
      assert.equal(code, EXIT_CODES.usage);
      assert.ok(stderr.includes(`the model's classes are ${own}; the data set's are ${found}\n`), stderr);
    };
    await rename(bag, join(folder, "grey", "Handbag"));
    await refusedWith("Ankle boot, Coat, Dress, Handbag, Pullover, Sandal, Shirt, Sneaker, T-shirt-top, Trouser");
    await rm(join(folder, "grey", "Handbag"), { recursive: true });
    await refusedWith("Ankle boot, Coat, Dress, Pullover, Sandal, Shirt, Sneaker, T-shirt-top, Trouser");
  });
});
