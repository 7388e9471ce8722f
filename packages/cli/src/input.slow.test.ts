import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeNpy, loadPictures, readNpy } from "@mpo/datasets";
import { readModelCard } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { runCommand } from "./testing/run-command.ts";

/** A model that Keras trained on values of -1..1, with four inputs of this kind and what Keras' `predict` gives for them. */
const CASE = fileURLToPath(new URL("../../engine/cases/models/pm1/", import.meta.url));

describe("a model that takes -1..1", () => {
  let folder: string;
  let data: readonly string[];
  const weights = (...more: readonly string[]): readonly string[] => ["--weights", join(folder, "model"), ...more];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-input-"));
    await cp(CASE, join(folder, "model"), { recursive: true });
    const [x, y] = await Promise.all(["x.npy", "y.npy"].map((file) => readNpy(join(CASE, file))));
    const images = Float32Array.from(x!.data as Float32Array, (value) => (value + 1) / 2);
    const rows = [0, 1, 2, 3].map((row) => [...(y!.data as Float32Array).subarray(4 * row, 4 * row + 4)]);
    const labels = Int32Array.from(rows, (row) => row.indexOf(Math.max(...row)));
    await writeFile(join(folder, "images.npy"), encodeNpy({ type: "f4", shape: [4, 16, 16, 3], data: images }));
    await writeFile(join(folder, "labels.npy"), encodeNpy({ type: "i4", shape: [4], data: labels }));
    await cp(join(CASE, "x.npy"), join(folder, "pictures.npy"));
    data = ["--dataset", "npy", "--data", join(folder, "images.npy")];
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("classifies as Keras does once that is stated, and is noticed before", async () => {
    // The same pictures as they are, in 0..1.
    const pictures = ["--dataset", "npy", "--data", join(folder, "pictures.npy")];
    const plain = await runCommand(["evaluate", ...weights(), ...pictures, "--quiet"]);
    assert.match(plain.stderr, /^warning: .*model was likely trained on images of -1\.\.1; it is given 0\.\.1, as /mu);
    assert.match(plain.stderr, /--input-range symmetric/u);
    const stated = await runCommand(["evaluate", "--json", ...weights("--input-range", "symmetric"), ...data]);
    assert.equal(stated.records[0]?.["accuracy"], 1, stated.stderr);
    assert.doesNotMatch(stated.stderr, /warning/u);
    const spelt = await runCommand(["evaluate", "--json", ...weights("--input-range", "127.5/127.5"), ...data]);
    assert.equal(spelt.records[0]?.["accuracy"], 1, spelt.stderr);
  });

  it("is retrained with it, and says so in its card", async () => {
    const output = ["--output", join(folder, "retrained"), "--input-range", "symmetric", "--input-fit", "crop"];
    const counts = ["--samples", "2", "--judge-samples", "2", "--batch", "2", "--epochs", "1", "--threads", "1"];
    const options = [
      "--method",
      "crossEntropy",
      "--learning-rate",
      "0.000001",
      "--corruption",
      "clean",
      "--freeze",
      "0",
    ];
    const retrained = await runCommand(["retrain", "--json", ...weights(), ...data, ...counts, ...options, ...output]);
    assert.equal(retrained.code, EXIT_CODES.ok, retrained.stderr);
    assert.equal(retrained.records[0]?.["accuracyBefore"], 1);
    assert.deepEqual((await readModelCard(join(folder, "retrained"))).input, { range: "symmetric", fit: "crop" });
  });

  it("is described, and its card states what was said", async () => {
    const args = ["models", "describe", join(folder, "model"), "--json"];
    const [before] = (await runCommand(args)).records;
    assert.deepEqual([before?.["input"], before?.["ending"], before?.["classes"]], [null, "softmax", 4]);
    await writeFile(join(folder, "model", "model-card.json"), JSON.stringify({ more: "stays" }));
    const { code, stderr } = await runCommand([...args, "--input-range", "symmetric", "--write-card"]);
    assert.equal(code, EXIT_CODES.ok, stderr);
    const card: unknown = JSON.parse(await readFile(join(folder, "model", "model-card.json"), "utf8"));
    assert.deepEqual(card, { more: "stays", inputShape: [16, 16, 3], input: { range: "symmetric" } });
    assert.deepEqual((await runCommand(args)).records[0]?.["input"], { range: "symmetric" });
    assert.equal((await runCommand(["evaluate", "--json", ...weights(), ...data])).records[0]?.["accuracy"], 1);
    const inWords = await runCommand(["models", "describe", join(folder, "model"), "--input-range", "0.5/0.25"]);
    assert.match(inWords.stdout, /16x16x3, images of 0\.\.1 minus 0\.5, divided by 0\.25/u);
    assert.match(inWords.stdout, /pictures .* stretch, lanczos3; what is not stated is assumed/u);
    const all = ["--input-fit", "crop", "--input-filter", "nearest"];
    const stated = await runCommand(["models", "describe", join(folder, "model"), ...all]);
    assert.match(stated.stdout, /pictures .* crop, nearest +│/u);
  });

  it("is refused a statement that is none, or not of its channels", async () => {
    for (const range of ["symetric", "0.5", "0.5/0", "0.1,0.2/a"]) {
      const { code, stderr } = await runCommand(["evaluate", ...weights("--input-range", range), ...data]);
      assert.equal(code, EXIT_CODES.usage);
      assert.match(stderr, /Expected unit, symmetric, bytes, or mean\/deviation/u);
    }
    const { code, stderr } = await runCommand(["evaluate", ...weights("--input-range", "0.5,0.5/0.5"), ...data]);
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, /takes 3 channels; its input is stated with 2 means or deviations/u);
  });
});

describe("mpo predict", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-predict-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const predict = async (input: string, ...more: readonly string[]): Promise<NpyRead> => {
    const output = join(folder, "y.npy");
    const args = [
      "predict",
      "--json",
      ...(more.includes("--weights") ? [] : ["--weights", CASE]),
      "--input",
      input,
      "-o",
      output,
      "--force",
      "--threads",
      "1",
      ...more,
    ];
    const { code, stderr, records } = await runCommand(args);
    assert.equal(code, EXIT_CODES.ok, stderr);
    const { data, shape } = await readNpy(output);
    return { data: [...data], shape, values: records[0]?.["values"] };
  };

  it("gives for an array what Keras' predict gives, and logits", async () => {
    const y = await readNpy(join(CASE, "y.npy"));
    const found = await predict(join(CASE, "x.npy"));
    assert.deepEqual([found.shape, found.values], [[4, 4], "probabilities"]);
    assertNear(found.data, y.data);
    const { data: logits, values } = await predict(join(CASE, "x.npy"), "--logits");
    assert.equal(values, "logits");
    const [a = 0, b = 0] = logits;
    assert.ok(Math.abs(a - b - Math.log(Number(y.data[0]) / Number(y.data[1]))) < 1e-3);
  });

  it("gives what Keras gives for one sigmoid, for logits, and for a softmax in the midst", async () => {
    for (const [name, values] of [
      ["binary", "probabilities"],
      ["rect", "logits"],
      ["softmax-linear", "probabilities"],
    ] as const) {
      const at = join(CASE, "..", name);
      const y = await readNpy(join(at, "y.npy"));
      const found = await predict(join(at, "x.npy"), "--weights", at);
      assert.deepEqual([found.shape, found.values], [y.shape, values]);
      assertNear(found.data, y.data);
    }
    const both = await predict(join(CASE, "../binary/x.npy"), "--weights", join(CASE, "../binary"), "--probabilities");
    assert.deepEqual(both.shape, [2, 2]);
  });

  it("brings pictures to what the model takes", async () => {
    const pictures = fileURLToPath(new URL("../cases/class-order/data/mine/", import.meta.url));
    const set = await loadPictures(pictures, { height: 16, width: 16, channels: 3 });
    const own = join(folder, "own.npy");
    const data = set.images.map((value) => 2 * value - 1);
    await writeFile(own, encodeNpy({ type: "f4", shape: [set.count, 16, 16, 3], data }));
    const expected = await predict(own);
    const found = await predict(pictures, "--input-range", "symmetric");
    assert.deepEqual(found.shape, [set.count, 4]);
    assertNear(found.data, expected.data);
    const nearest = await predict(pictures, "--input-range", "symmetric", "--input-filter", "nearest");
    assert.notDeepEqual(nearest.data, found.data);
    const [first = ""] = (await readdir(pictures)).toSorted();
    assertNear((await predict(join(pictures, first), "--input-range", "symmetric")).data, expected.data.slice(0, 4));
  });

  it("refuses an array of another shape, and options that would be ignored", async () => {
    const flat = join(folder, "flat.npy");
    await rm(join(folder, "y.npy"), { force: true });
    await writeFile(flat, encodeNpy({ type: "f4", shape: [2, 3, 16, 16], data: new Float32Array(2 * 768) }));
    const args = ["predict", "--weights", CASE, "-o", join(folder, "y.npy"), "--input"];
    const turned = await runCommand([...args, flat]);
    assert.equal(turned.code, EXIT_CODES.usage);
    assert.match(
      turned.stderr,
      /\[2, 3, 16, 16\]; the model takes \[N, 16, 16, 3\]\nhint: .* write x\.transpose\(0, 2, 3, 1\)/u,
    );
    await writeFile(flat, encodeNpy({ type: "f4", shape: [2, 16, 3, 16], data: new Float32Array(2 * 768) }));
    assert.doesNotMatch((await runCommand([...args, flat])).stderr, /transpose/u, "advice that would not fit");
    const ignored = await runCommand([...args, join(CASE, "x.npy"), "--input-range", "bytes"]);
    assert.equal(ignored.code, EXIT_CODES.usage);
    assert.match(ignored.stderr, /are for pictures/u);
  });
});

interface NpyRead {
  readonly data: readonly number[];
  readonly shape: readonly number[];
  readonly values: unknown;
}

function assertNear(actual: readonly number[], expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  for (const [at, value] of actual.entries()) assert.ok(Math.abs(value - expected[at]!) < 1e-4, `${at}: ${value}`);
}
