import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { NORMS_FILE, REFERENCE_FILE } from "@mpo/core";
import {
  encodeNpy,
  encodeNpyImages,
  fashionMnistFolder,
  type ImageSet,
  loadFashionMnist,
  ONNX_FILE,
  sliceImages,
} from "@mpo/datasets";
import { copyCard, exportOnnx, readLayersModel, readModel } from "@mpo/engine";
import { withFoldedNorms } from "@mpo/engine/testing";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { runCommand } from "../testing/run-command.ts";
import { startDaemon } from "../testing/start-daemon.ts";

const LAYERS = fileURLToPath(new URL("../../models/resnet20-bn/", import.meta.url));
const IMAGES = fashionMnistFolder(process.env, homedir());
const BATCH = 64;
const BATCHES = 9;

/** As in `deploy/examples/onnx/serve.py`. */
function hazed(set: ImageSet): ImageSet {
  return { ...set, images: set.images.map((value) => value * 0.35 + 0.6) };
}

interface Manifest {
  readonly current: { readonly folder: string };
}

const noImages = existsSync(join(IMAGES, "t10k-labels-idx1-ubyte.gz")) ? false : "Fashion-MNIST is not set up";

describe("an ONNX model whose exporter folded its normalisations", { skip: noNatsServer || noImages }, () => {
  it("learns a haze by Tent on an agent, by reference inputs", { timeout: 470_000 }, async (t) => {
    const folder = await testFolder(t);
    const set = await loadFashionMnist(IMAGES, "test");
    const part = (from: number, count: number): ImageSet => sliceImages(set, from, from + count);
    const place = join(folder, "serving", "camera");
    const model = join(place, "model");
    await mkdir(model, { recursive: true });
    await mkdir(join(place, "inputs"));
    const trained = await readLayersModel(LAYERS);
    await exportOnnx(withFoldedNorms(trained), join(model, ONNX_FILE));
    await copyCard(LAYERS, model, trained);
    await writeFile(join(model, REFERENCE_FILE), encodeNpyImages(part(0, 64)));
    const judged = hazed(part(8_000, 500));
    await mkdir(join(folder, "hazed"));
    await writeFile(join(folder, "hazed", "images.npy"), encodeNpyImages(judged));
    const labels = encodeNpy({ type: "i4", shape: [judged.count], data: judged.labels ?? new Int32Array() });
    await writeFile(join(folder, "hazed", "labels.npy"), labels);
    const run = async (...args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> => {
      const { code, stderr, records } = await runCommand([...args, "--json"]);
      assert.equal(code, EXIT_CODES.ok, stderr);
      return records;
    };
    const accuracy = async (weights: string): Promise<number> => {
      const [row] = await run("evaluate", "--weights", weights, "--dataset", "npy", "--data", join(folder, "hazed"));
      return Number(row?.["accuracy"]);
    };
    const before = await accuracy(model);
    assert.ok(before < 0.4, `${before}`);

    const coordinator = await startCoordinator(t, folder);
    const there = at(coordinator.ready["grpc"]);
    const soon = ["--cpu-share", "equal", "--probe-patience", "500ms", "--tick", "500ms", "--probe-time", "45s"];
    const places = ["--data", join(folder, "agent"), "--serving", join(folder, "serving")];
    await startDaemon(t, ["agent", ...there, "--device", "pi", ...places, ...soon, "--drift-probe-time", "15s"]);
    const drop = async (name: string, from: number, change: (set: ImageSet) => ImageSet): Promise<void> => {
      for (let batch = 0; batch < BATCHES; batch++) {
        const half = join(folder, `${name}${batch}.npy`);
        await writeFile(half, encodeNpyImages(change(part(from + batch * BATCH, BATCH))));
        await rename(half, join(place, "inputs", `${name}${batch}.npy`));
      }
    };
    const event = async (kind: string): Promise<Readonly<Record<string, unknown>>> => {
      for (;;) {
        const found = (await run("events", ...there)).find((record) => String(record["kind"]).startsWith(kind));
        if (found !== undefined) return found;
        await new Promise((wake) => setTimeout(wake, 500));
      }
    };
    await drop("day", 1_000, (clean) => clean);
    await event("document-applied");
    await drop("haze", 2_000, hazed);
    await event("drift-seen");
    const ended = await event("window-");
    assert.equal(ended["kind"], "window-replaced", String(ended["message"]));
    const manifest = JSON.parse(await readFile(join(place, "retrained", "manifest.json"), "utf8")) as Manifest;
    const retrained = join(place, "retrained", manifest.current.folder);
    assert.deepEqual((await readdir(retrained)).toSorted(), ["model-card.json", ONNX_FILE, NORMS_FILE]);
    const [served, deployed] = await Promise.all(
      [retrained, model].map(async (path) => (await readModel(path, { isFolded: true })).graph),
    );
    assert.deepEqual(served, deployed);
    const after = await accuracy(retrained);
    t.diagnostic(`${before} right before, ${after} after`);
    assert.ok(after > before + 0.2, `${before}, ${after}`);
  });
});
