import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { CORRUPTION_NAMES, fashionMnistFolder } from "@mpo/datasets";
import { readModelCard } from "@mpo/engine";
import { runCommand } from "./testing/run-command.ts";

const MODELS = fileURLToPath(new URL("../models/", import.meta.url));
const hasData = existsSync(join(fashionMnistFolder(process.env, homedir()), "t10k-labels-idx1-ubyte.gz"));
/** A part of the 10,000 test images is enough to notice weights that are not the card's. */
const SAMPLES = 2000;
/** Three standard errors of such a part's accuracy. */
const TOLERANCE = 0.018;

describe("the source models of the repository", () => {
  for (const name of ["resnet20-bn", "resnet20-gn"]) {
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
