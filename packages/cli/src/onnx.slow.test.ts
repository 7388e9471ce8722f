import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeNpy, encodeNpyImages } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { readModelCard } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { runCommand } from "./testing/run-command.ts";

const MODEL = fileURLToPath(new URL("../../engine/cases/onnx/mixed-script/model.onnx", import.meta.url));

describe("an ONNX model in commands", () => {
  let folder: string;
  const file = (...parts: readonly string[]): string => join(folder, ...parts);
  const data = (): readonly string[] => ["--dataset", "npy", "--data", file("data")];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-onnx-"));
    const set = syntheticImages({ count: 160, height: 32, width: 32, channels: 3, seed: 3 });
    await mkdir(file("data"));
    await writeFile(file("data", "images.npy"), encodeNpyImages(set));
    const labels = encodeNpy({ type: "i4", shape: [160], data: set.labels ?? new Int32Array(160) });
    await writeFile(file("data", "labels.npy"), labels);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is evaluated", async () => {
    const { code, records, stderr } = await runCommand(["evaluate", "--json", "--weights", MODEL, ...data()]);
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.equal(records[0]?.["images"], "clean");
  });

  it("is retrained by Tent, whose normalisations are put back, and written as ONNX", async () => {
    const { code, records, stderr } = await runCommand([
      ...["retrain", "--json", "--weights", MODEL, ...data(), "--method", "tent", "--corruption", "gaussian_noise"],
      ...["--samples", "12", "--judge-samples", "12", "--batch", "4", "--epochs", "1", "--output", file("retrained")],
    ]);
    assert.equal(code, EXIT_CODES.ok, stderr);
    assert.match(stderr, /3 convolutions have a bias, .* folded a batch normalisation .* 12 images/u);
    const [{ steps, isAccepted } = {}] = records.filter(({ event }) => event === "retrained");
    assert.equal(steps, 3);
    if (isAccepted !== true) return;
    assert.deepEqual((await readdir(file("retrained"))).toSorted(), [
      "model-card.json",
      "model.onnx",
      "norms.safetensors",
    ]);
    assert.notDeepEqual(await readFile(file("retrained", "model.onnx")), await readFile(MODEL));
    assert.equal((await readModelCard(file("retrained"))).retrained?.method, "tent");
    const again = await runCommand(["evaluate", "--json", "--weights", file("retrained"), ...data()]);
    assert.equal(again.code, EXIT_CODES.ok, again.stderr);
  });

  it("is probed as it is retrained", async () => {
    const profile = file("profile.json");
    const few = ["--batch", "8", "--probe-time", "15s"];
    const probe = await runCommand(["probe", "--json", "--weights", MODEL, "--method", "tent", ...few, "-o", profile]);
    assert.equal(probe.code, EXIT_CODES.ok, probe.stderr);
    assert.match(probe.stderr, /3 convolutions have a bias, .* as it will be in a retraining/u);
    const samples = ["--samples", "16", "--judge-samples", "16", "--batch", "8", "--corruption", "gaussian_noise"];
    const auto = ["--auto", "--profile", profile, "--window", "20s", "--memory", "300MiB"];
    const { code, stderr } = await runCommand(["retrain", "--weights", MODEL, ...data(), ...samples, ...auto]);
    assert.equal(code, EXIT_CODES.ok, stderr);
  });

  it("is converted to a layers model", async () => {
    const { code, stderr } = await runCommand(["convert", MODEL, file("layers")]);
    assert.equal(code, EXIT_CODES.ok, stderr);
    const again = await runCommand(["evaluate", "--json", "--weights", file("layers"), ...data()]);
    assert.equal(again.code, EXIT_CODES.ok, again.stderr);
  });
});
