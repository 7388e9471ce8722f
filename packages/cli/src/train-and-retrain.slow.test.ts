import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CORRUPTION_NAMES, encodeNpy, encodeNpyImages } from "@mpo/datasets";
import { encodeIdxImages, encodeIdxLabels, syntheticImages } from "@mpo/datasets/testing";
import { readLayersModel, readModelCard } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { runCommand } from "./testing/run-command.ts";

/** Commands with real workers, on a data set of a hundred small images in Fashion-MNIST's files. */
describe("mpo train, retrain and bench", () => {
  let folder: string;
  let data: string;
  const file = (...parts: readonly string[]): string => join(folder, ...parts);
  const train = (output: string, ...more: readonly string[]): readonly string[] => {
    const options = ["--epochs", "2", "--batch", "16", "--threads", "1", "--no-corruptions", ...more];
    return ["train", "--json", "--data", data, "--output", file(output), ...options];
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-cli-"));
    data = folder;
    for (const [part, count] of Object.entries({ train: 96, t10k: 64 })) {
      const set = syntheticImages({ count, height: 12, width: 12, channels: 1, seed: count });
      await writeFile(file(`${part}-images-idx3-ubyte`), encodeIdxImages(set));
      await writeFile(file(`${part}-labels-idx1-ubyte`), encodeIdxLabels(set.labels ?? new Int32Array(count)));
    }
    const trained = await runCommand(train("source"));
    assert.equal(trained.code, EXIT_CODES.ok, trained.stderr);
    assert.deepEqual(
      trained.records.map(({ event }) => event),
      ["epoch", "epoch", "trained"],
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("trains a model whose card says how", async () => {
    const card = await readModelCard(file("source"));
    assert.equal(card.model, "resnet20");
    assert.deepEqual([card.inputShape, card.input], [[12, 12, 1], { range: "unit" }]);
    assert.match(card.trainingCommand, /^mpo train .*--epochs 2/u);
    const { clean = Number.NaN } = card.accuracy;
    assert.ok(clean >= 0 && clean <= 1);
    assert.ok(!(await readdir(file("source"))).includes("checkpoint"));
  });

  it("evaluates it, and finds what the card says, on a data set of arrays too", async () => {
    const plain = await runCommand(["evaluate", "--json", "--weights", file("source"), "--data", data]);
    assert.equal(plain.code, EXIT_CODES.ok, plain.stderr);
    const [{ accuracy, cardAccuracy, samples } = {}] = plain.records;
    assert.equal(samples, 64);
    assert.ok(typeof accuracy === "number" && accuracy === cardAccuracy);

    const arrays = await mkdtemp(join(folder, "arrays-"));
    const set = syntheticImages({ count: 20, height: 12, width: 12, channels: 1, seed: 3 });
    await writeFile(join(arrays, "images.npy"), encodeNpyImages(set));
    const labels = encodeNpy({ type: "i4", shape: [20], data: set.labels ?? new Int32Array(20) });
    await writeFile(join(arrays, "labels.npy"), labels);
    const npy = ["--dataset", "npy", "--data", arrays, "--corruptions"];
    const damaged = await runCommand(["evaluate", "--json", "--weights", file("source"), ...npy]);
    assert.equal(damaged.code, EXIT_CODES.ok, damaged.stderr);
    assert.deepEqual(
      damaged.records.map(({ images }) => images),
      ["clean", ...CORRUPTION_NAMES],
    );
    assert.deepEqual(new Set(damaged.records.map(({ samples }) => samples)), new Set([4]));

    assert.match(damaged.stderr, /^frost: drawn ice/mu);
    const pictures = ["--frost-pictures", arrays];
    const unfrosted = await runCommand(["evaluate", "--weights", file("source"), "--data", data, ...pictures]);
    assert.equal(unfrosted.code, EXIT_CODES.usage);
    assert.match(unfrosted.stderr, /--frost-pictures would be ignored/u);
    const missing = await runCommand(["evaluate", "--weights", file("source"), ...npy, ...pictures]);
    assert.equal(missing.code, EXIT_CODES.state);
    assert.match(missing.stderr, /cannot read .*frost1\.png/u);

    const beyond = encodeNpy({ type: "u1", shape: [20], data: new Uint8Array(20).fill(200) });
    await writeFile(join(arrays, "labels.npy"), beyond);
    const refused = await runCommand(["evaluate", "--weights", file("source"), ...npy]);
    assert.equal(refused.code, EXIT_CODES.usage);
    assert.match(refused.stderr, /the model has \d+ classes; the data set has an image of class 200/u);
  });

  it("keeps a checkpoint when it is interrupted, and goes on from it", async () => {
    const interrupted = await runCommand(train("half"), { interruptWhen: (stderr) => /epoch 1\/2/u.test(stderr) });
    assert.equal(interrupted.code, EXIT_CODES.cancelled, interrupted.stderr);
    assert.match(interrupted.stderr, /stopped after step \d+; --resume/u);
    assert.deepEqual(await readdir(file("half")), ["checkpoint"]);
    const { step } = JSON.parse(await readFile(file("half", "checkpoint", "training.json"), "utf8")) as {
      step: number;
    };
    assert.ok(step >= 6, `${step} steps`);

    const other = await runCommand(train("half", "--resume", "--seed", "7"));
    assert.equal(other.code, EXIT_CODES.state);
    assert.match(other.stderr, /conflict\).*seed is 1, not 7/u);

    const careless = await runCommand(train("half"));
    assert.equal(careless.code, EXIT_CODES.state, "an unfinished training is not written over");
    assert.match(careless.stderr, /unfinished training \(\d+ steps\)[\s\S]*hint: Add --resume/u);

    const resumed = await runCommand(train("half", "--resume"));
    assert.equal(resumed.code, EXIT_CODES.ok, resumed.stderr);
    assert.deepEqual(
      resumed.records.map(({ event, epoch }) => [event, epoch]),
      [
        ["epoch", 2],
        ["trained", undefined],
      ],
    );
    assert.deepEqual((await readdir(file("half"))).includes("checkpoint"), false);
  });

  const retrain = (...more: readonly string[]): readonly string[] => {
    const size = ["--samples", "32", "--judge-samples", "32", "--batch", "16", "--epochs", "1", "--threads", "1"];
    return ["retrain", "--json", "--weights", file("source"), "--data", data, ...size, ...more];
  };

  it("retrains with labels under all three techniques, and writes what is not worse", async () => {
    const techniques = ["--micro-batch", "8", "--freeze", "0.3", "--segments", "3"];
    const outcome = await runCommand(
      retrain("--method", "crossEntropy", "--output", file("retrained"), "--corruption", "fog", ...techniques),
    );
    assert.equal(outcome.code, EXIT_CODES.ok, outcome.stderr);
    const [record] = outcome.records;
    assert.deepEqual(record?.["config"], {
      microBatch: 8,
      accumulation: 2,
      freezing: { featureExtraction: 0.3, normalisation: 0.3, linear: 0.3 },
      checkpoints: { kind: "uniform", segments: 3 },
    });
    assert.equal(record?.["steps"], 2);
    if (record?.["isAccepted"] === true) {
      const { graph } = await readLayersModel(file("retrained", "model.json"));
      assert.equal(graph.name, "resnet20");
      const { accuracy, retrained, trainingCommand } = await readModelCard(file("retrained"));
      assert.match(trainingCommand, /^mpo retrain /u);
      assert.ok(accuracy.clean !== undefined && "fog" in accuracy.corruptions);
      assert.equal(retrained?.from, file("source"));
      assert.match(retrained?.fromCommand ?? "", /^mpo train /u);
      assert.deepEqual([retrained?.images, retrained?.steps, retrained?.judgement], ["fog:5", 2, "labels"]);
      assert.deepEqual(
        [retrained?.accuracyBefore, retrained?.accuracyAfter],
        [record["accuracyBefore"], record["accuracyAfter"]],
      );
    } else assert.equal(record?.["output"], null);
  });

  it("writes over a finished model only when it is told to", async () => {
    for (const args of [train("source"), retrain("--output", file("source"))]) {
      const { code, stderr } = await runCommand(args);
      assert.equal(code, EXIT_CODES.state, stderr);
      assert.match(stderr, /source holds a model already[\s\S]*hint: .*--force/u);
    }
  });

  it("refuses more segments than the model has units, and leaves no empty folder", async () => {
    const { code, stderr } = await runCommand(retrain("--segments", "99", "--output", file("none", "inside")));
    await assert.rejects(stat(file("none")), { code: "ENOENT" });
    assert.equal(code, EXIT_CODES.usage, stderr);
    assert.match(stderr, /--segments 99: the model has \d+ units/u);
  });

  it("says when the memory cap is too small, with the exit code for budgets", async () => {
    const outcome = await runCommand(retrain("--batch", "64", "--memory-cap", "2MiB", "--method", "shot"));
    assert.equal(outcome.code, EXIT_CODES.budget, outcome.stderr);
    assert.match(outcome.stderr, /error \(over-memory-cap\)[\s\S]*hint: /u);
  });

  it("ends a retraining that takes longer than its timeout", async () => {
    const outcome = await runCommand(retrain("--epochs", "10000", "--timeout", "3s", "--method", "crossEntropy"));
    assert.equal(outcome.code, EXIT_CODES.budget, outcome.stderr);
    assert.match(outcome.stderr, /error \(over-budget\): the retraining did not end within 3000 ms\nhint: /u);
  });

  it("refuses a model that takes other images", async () => {
    await runCommand(["models"]);
    const wrong = await mkdtemp(join(folder, "images-"));
    for (const part of ["train", "t10k"]) {
      const set = syntheticImages({ count: 8, height: 16, width: 16, channels: 1, seed: 1 });
      await writeFile(join(wrong, `${part}-images-idx3-ubyte`), encodeIdxImages(set));
      await writeFile(join(wrong, `${part}-labels-idx1-ubyte`), encodeIdxLabels(set.labels ?? new Int32Array(8)));
    }
    const outcome = await runCommand(["retrain", "--weights", file("source"), "--data", wrong]);
    assert.equal(outcome.code, EXIT_CODES.usage);
    assert.match(outcome.stderr, /takes images of 12x12x1; the data set's are 16x16x1/u);
  });

  it("measures a step beside plain TensorFlow.js", async () => {
    const size = ["--image-size", "16", "--batch", "8", "--steps", "2", "--repeats", "1", "--threads", "1"];
    const kept = ["--norm", "group", "--checkpoints", "0,2"];
    const outcome = await runCommand(["bench", "step", "--json", ...kept, "--peer", "tfjs", ...size]);
    assert.equal(outcome.code, EXIT_CODES.ok, outcome.stderr);
    assert.deepEqual(
      outcome.records.map(({ system }) => system),
      ["mpo", "tfjs"],
    );
    for (const record of outcome.records) {
      const facts = ["system", "model", "norm", "batch", "imageSize", "microBatch", "segments", "freeze"];
      const measured = ["msPerStep", "peakGrowthBytes", "idleBytes", "plannedBytes"];
      const chosen = record["system"] === "mpo" ? ["checkpoints"] : [];
      assert.deepEqual(Object.keys(record), [...facts.slice(0, -1), ...chosen, "freeze", ...measured]);
      assert.ok((record["msPerStep"] as number) > 0 && (record["idleBytes"] as number) > 0);
    }
    assert.ok((outcome.records[0]?.["plannedBytes"] as number) > 0);
    assert.equal(outcome.records[1]?.["plannedBytes"], null);
    assert.deepEqual(outcome.records[0]?.["checkpoints"], [0, 2]);
    assert.equal(outcome.records[1]?.["checkpoints"], undefined);
  });
});
