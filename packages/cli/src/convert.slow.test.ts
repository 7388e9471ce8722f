import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readNpy } from "@mpo/datasets";
import { buildModel, initialWeights, writeLayersModel } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { type CommandOutcome, runCommand } from "./testing/run-command.ts";

const CASES = fileURLToPath(new URL("../../engine/cases/models/", import.meta.url));
const CLASS_ORDER = fileURLToPath(new URL("../cases/class-order/model", import.meta.url));

describe("mpo convert", () => {
  let folder: string;
  const file = (...parts: readonly string[]): string => join(folder, ...parts);
  const convert = async (...args: readonly string[]): Promise<CommandOutcome> =>
    await runCommand(["convert", "--json", ...args]);
  const card = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(file(name, "model-card.json"), "utf8"));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-convert-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const name of ["k2-h5-transfer", "k2-keras-transfer", "k3-h5-transfer", "k3-keras-transfer"]) {
    it(`writes what Keras saved (${name}) as a layers model that gives the same`, async () => {
      const { code, stderr } = await convert(join(CASES, name), file(name));
      assert.equal(code, EXIT_CODES.ok, stderr);
      assert.deepEqual((await readdir(file(name))).toSorted().slice(0, 2), ["model-card.json", "model.json"]);
      const output = file(`${name}.npy`);
      const predicted = await runCommand([
        ...["predict", "--weights", file(name), "--input", join(CASES, name, "x.npy"), "-o", output],
      ]);
      assert.equal(predicted.code, EXIT_CODES.ok, predicted.stderr);
      const [y, expected] = await Promise.all([output, join(CASES, name, "y.npy")].map((path) => readNpy(path)));
      assert.deepEqual(y?.shape, expected?.shape);
      for (const [at, value] of y!.data.entries()) assert.ok(Math.abs(value - expected!.data[at]!) < 1e-4);
    });
  }

  it("takes the names of the classes, the card and what is stated of the input along", async () => {
    await cp(CLASS_ORDER, file("from"), { recursive: true });
    await writeFile(file("from", "model-card.json"), JSON.stringify({ more: "stays" }));
    const { records, stderr } = await convert(file("from"), file("to"), "--input-range", "symmetric");
    // The fit is what Teachable Machine's program does.
    const input = { range: "symmetric", fit: "crop" };
    assert.deepEqual([records[0]?.["classNames"], records[0]?.["input"]], [["mine", "alone"], input], stderr);
    const shape = { inputShape: records[0]?.["inputShape"] };
    assert.deepEqual(await card("to"), { more: "stays", ...shape, input, classNames: ["mine", "alone"] });
  });

  it("gives a CLIP's image encoder the classes of given texts", async () => {
    const encoder = fileURLToPath(new URL("../../engine/cases/onnx/clip-script/model.onnx", import.meta.url));
    const { records: plain } = await convert(encoder, file("encoder"));
    const width = plain[0]?.["classes"] as number;
    const vector = (at: number): readonly number[] => Array.from({ length: width }, (_, place) => Math.cos(at * place));
    await writeFile(
      file("texts.json"),
      JSON.stringify({ "a cat": vector(1), "a dog": vector(2), "a bird": vector(3) }),
    );
    const { code, stderr, records } = await convert(encoder, file("zero-shot.onnx"), "--texts", file("texts.json"));
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.deepEqual([records[0]?.["classes"], records[0]?.["classNames"]], [3, ["a cat", "a dog", "a bird"]]);
    // And back: the head is taken for one.
    const { records: again } = await convert(file("zero-shot.onnx"), file("zero-shot"));
    assert.equal(again[0]?.["classes"], 3);
    await writeFile(file("texts.json"), JSON.stringify({ "a cat": [1], "a dog": [2] }));
    const narrow = await convert(encoder, file("narrow"), "--texts", file("texts.json"));
    assert.match(narrow.stderr, /the text "a cat" has an embedding of 1 numbers; model .* gives \d+/u);
    const without = await convert(encoder, file("without"), "--logit-scale", "10");
    assert.match(without.stderr, /--logit-scale would be ignored: there are no --texts/u);
  });

  it("states nothing that nothing states", async () => {
    assert.equal((await convert(join(CASES, "softmax-last"), file("silent"))).code, EXIT_CODES.ok);
    assert.deepEqual(Object.keys((await card("silent")) as object), ["inputShape"]);
    const described = await runCommand(["models", "describe", file("silent")]);
    assert.match(described.stdout, /assumed: nothing states it/u);
  });

  it("refuses an output that is there, a file's name, and what cannot be read, and leaves nothing behind", async () => {
    const from = join(CASES, "softmax-last");
    await convert(from, file("once"));
    const again = await convert(from, file("once"));
    assert.equal(again.code, EXIT_CODES.state);
    assert.match(again.stderr, /OUT .*once holds a model already\nhint: .*--force/u);
    assert.equal((await convert(from, file("once"), "--force")).code, EXIT_CODES.ok);
    assert.match(
      (await convert(from, file("model.h5"))).stderr,
      /expected a folder .*\nhint: Files that are written end in \.keras or \.onnx or \.safetensors/u,
    );
    assert.equal((await convert(file("none"), file("left", "over"))).code, EXIT_CODES.state);
    await assert.rejects(stat(file("left")), { code: "ENOENT" });
  });

  it("writes what the ending of OUT says, with the card beside it", async () => {
    for (const ending of [".keras", ".onnx"]) {
      const folderOfIt = ending.slice(1);
      const out = file(folderOfIt, `model${ending}`);
      await mkdir(file(folderOfIt));
      const { code, stderr, records } = await convert(CLASS_ORDER, out, "--input-range", "symmetric");
      assert.equal(code, EXIT_CODES.ok, stderr);
      assert.deepEqual(records[0]?.["classNames"], ["mine", "alone"]);
      const { input, classNames } = (await card(folderOfIt)) as Record<string, unknown>;
      assert.deepEqual([input, classNames], [{ range: "symmetric", fit: "crop" }, ["mine", "alone"]]);
      const other = await convert(CLASS_ORDER, file(folderOfIt, `other${ending}`));
      assert.match(other.stderr, /holds the card of a model already\nhint: .*--force/u);
    }
    const described = await runCommand(["models", "describe", "--json", file("keras", "model.keras")]);
    assert.deepEqual(described.records[0]?.["classNames"], ["mine", "alone"]);
  });

  it("takes a model of the zoo to PyTorch's names and back", async () => {
    const graph = buildModel({ model: "mobilenet-v2", norm: "batch", inputShape: [32, 32, 3], classes: 3 });
    await writeLayersModel({ graph, weights: initialWeights(graph, 1) }, file("zoo"));
    const weights = file("weights.safetensors");
    const written = await convert(file("zoo"), weights, "--names", "timm");
    assert.equal(written.code, EXIT_CODES.ok, written.stderr);
    assert.match(written.stderr, /warning: mobilenet-v2 pads strided windows as TensorFlow does/u);
    const read = await convert(weights, file("back"), "--model", "mobilenet-v2", "--image-size", "32");
    assert.match(read.stderr, /named as by timm; all used/u);
    assert.deepEqual([read.records[0]?.["classes"], read.records[0]?.["inputShape"]], [3, [32, 32, 3]]);
    assert.match((await convert(weights, file("no"))).stderr, /has weights only: expected --model NAME/u);
    assert.match(
      (await convert(file("zoo"), file("no"), "--image-size", "32")).stderr,
      /--image-size would be ignored/u,
    );
    assert.match((await convert(file("zoo"), file("no"), "--names", "timm")).stderr, /--names would be ignored/u);
  });
});
