import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readModelCard } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { type CommandOutcome, runCommand } from "./testing/run-command.ts";

/**
 * A model of Keras that was trained on the classes "mine" and "alone", in this order, as Teachable Machine's
 * `metadata.json` beside it says. Of the pictures in folders of these names it classifies all rightly.
 */
const CASE = fileURLToPath(new URL("../cases/class-order/", import.meta.url));

describe("folders of pictures", () => {
  let data: string;
  const evaluate = async (...more: readonly string[]): Promise<CommandOutcome> =>
    await runCommand(["evaluate", "--json", "--dataset", "folder", "--data", data, ...more]);

  before(async () => {
    data = join(await mkdtemp(join(tmpdir(), "mpo-classes-")), "data");
    await cp(join(CASE, "data"), join(data, "test"), { recursive: true });
    await cp(join(CASE, "data"), join(data, "train"), { recursive: true });
  });
  after(() => rm(join(data, ".."), { recursive: true, force: true }));

  it("are taken by the names of the model's classes, at its size, and a line says what they are", async () => {
    const { code, records, stderr } = await evaluate("--weights", join(CASE, "model"));
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.deepEqual([records[0]?.["samples"], records[0]?.["accuracy"]], [12, 1]);
    assert.match(stderr, /test: 2 classes: alone 6, mine 6$/mu);
  });

  it("give a retrained model's card the names", async () => {
    const output = join(data, "..", "retrained");
    const counts = ["--samples", "6", "--judge-samples", "6", "--batch", "2", "--epochs", "1", "--threads", "1"];
    const weights = ["--weights", join(CASE, "model"), "--corruption", "clean", "--freeze", "0"];
    const method = ["--method", "crossEntropy", "--learning-rate", "0.000001", "-o", output];
    const args = ["retrain", "--dataset", "folder", "--data", data, ...weights, ...counts, ...method];
    const { code, stderr } = await runCommand(args);
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.deepEqual((await readModelCard(output)).classNames, ["mine", "alone"]);
  });

  it("fit the bundled models as they stand: grey, at their size, by number", async () => {
    for (const name of "0123456789")
      await cp(join(CASE, "data", "mine"), join(data, "..", "digits", name), { recursive: true });
    const model = fileURLToPath(new URL("../models/resnet20-bn", import.meta.url));
    const { code, records, stderr } = await evaluate("--weights", model, "--data", join(data, "..", "digits"));
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.equal(records[0]?.["samples"], 12);
    assert.match(stderr, /10 classes: 0 6, .*9 6; a fifth is kept for testing: 12 to test$/mu);
  });

  it("are described, with a contact sheet", async () => {
    const sheet = join(data, "..", "a & b.html");
    const { code, records, stderr } = await runCommand(["data", "describe", data, "--html", sheet, "--json"]);
    assert.equal(code, EXIT_CODES.ok, stderr);
    const row = { dataset: "folder", images: 6, sizes: { "32x32x3": 6 }, unreadable: [] };
    const rows = ["test", "train"].flatMap((part) => ["alone", "mine"].map((name) => ({ ...row, part, class: name })));
    assert.deepEqual(records, rows);
    const page = await readFile(sheet, "utf8");
    assert.equal(page.match(/<img alt="" src="data:image\/png;base64,iVBOR/gu)?.length, 24);
  });

  it("are refused with both lists where they do not fit", async () => {
    await rename(join(data, "test", "mine"), join(data, "test", "yours"));
    const { code, stderr } = await evaluate("--weights", join(CASE, "model"));
    assert.equal(code, EXIT_CODES.usage);
    assert.match(stderr, /the model's classes are mine, alone; the data set's are alone, yours/u);
  });
});
