import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { encodeNpy, encodeNpyImages, type ImageSet } from "@mpo/datasets";
import { encodePng, syntheticImages } from "@mpo/datasets/testing";
import { VirtualClock } from "@mpo/io/testing";
import { createLogger, silentLogger } from "@mpo/runtime";
import type { ServingApp } from "../ports/serving-app.ts";
import { InputBatches } from "./input-batch.ts";
import { findServable, readRetrainedManifest } from "./retrained-manifest.ts";
import { servingFolder } from "./serving-folder.ts";

const SHAPE = { height: 4, width: 4, channels: 1 };
const NOW_SECONDS = 2_000_000_000;

async function withFolder(
  check: (root: string, serving: ServingApp, log: readonly string[]) => Promise<void>,
): Promise<void> {
  const log: string[] = [];
  const root = await mkdtemp(join(tmpdir(), "mpo-agent-serving-"));
  try {
    await put(root, "cam/model/model.json", "{}");
    await put(root, "cam/model/model-card.json", JSON.stringify({ inputShape: [4, 4, 1] }));
    let draws = 0;
    const random = (): number => (++draws % 1000) / 1000;
    await check(
      root,
      servingFolder({
        root,
        clock: new VirtualClock(NOW_SECONDS * 1000),
        logger: createLogger({ level: "warn", write: (line) => void log.push(line) }),
        random,
        maxTrainingInputs: 10,
      }),
      log,
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
const batch = (count: number): Uint8Array => encodeNpyImages(images(count));

/** Stages a model with these weights, and publishes it. */
async function publish(serving: ServingApp, weights: string): Promise<void> {
  const { staging } = await serving.folders("cam");
  await put(staging, "model.json", `{"weights":"${weights}"}`);
  await serving.publish("cam", staging);
}

it("a folder without any model is said once, until there was one", async () => {
  const log: string[] = [];
  const root = await mkdtemp(join(tmpdir(), "mpo-agent-serving-"));
  try {
    const logger = createLogger({ write: (line) => void log.push(line) });
    const serving = servingFolder({ root, clock: new VirtualClock(0), logger, random: () => 0 });
    for (let look = 0; look < 2; look++) assert.deepEqual(await serving.models(), []);
    assert.equal(log.length, 1);
    assert.match(log[0] ?? "", /no model is served yet: it belongs in NAME\/model/u);
    await put(root, "cam/model/model.json", "{}");
    assert.equal((await serving.models()).length, 1);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

describe("inputs", () => {
  it("are found once each, oldest first, whatever lies beside them", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/inputs/b.npy", batch(3), 200);
      await put(root, "cam/inputs/a.npy", batch(2), 300);
      await put(root, "cam/inputs/.half.npy", "half", 400);
      await put(root, "cam/inputs/note.txt", "x", 400);
      const predictions = { type: "f4", shape: [3, 2], data: Float32Array.of(1, 0, 1, 0, 1, 0) } as const;
      await put(root, "cam/inputs/b.predictions.npy", encodeNpy(predictions), 200);
      const first = await serving.inputsAfter("cam", "");
      assert.deepEqual(
        first.summaries.map(({ count }) => count),
        [3, 2],
      );
      assert.equal(first.summaries[0]?.predictionEntropy, 0);
      assert.equal(first.summaries[1]?.predictionEntropy, undefined);
      assert.deepEqual((await serving.inputsAfter("cam", first.cursor)).summaries, []);
      await put(root, "cam/inputs/c.npy", batch(7), 500);
      assert.deepEqual(
        (await serving.inputsAfter("cam", first.cursor)).summaries.map(({ count }) => count),
        [7],
      );
    }));

  it("are summed up with what one sigmoid gives as with two classes, and without what is no probability", () =>
    withFolder(async (root, serving) => {
      const written = { a: [0.5, 1], b: [0.5, 0.5, 0, 1], c: [3, -1] };
      for (const [name, values] of Object.entries(written)) {
        const predictions = { type: "f4", shape: [2, values.length / 2], data: Float32Array.from(values) } as const;
        await put(root, `cam/inputs/${name}.predictions.npy`, encodeNpy(predictions), 200);
        await put(root, `cam/inputs/${name}.npy`, batch(2), 200);
      }
      const { summaries } = await serving.inputsAfter("cam", "");
      const [sigmoid, softmax, logits] = summaries;
      assert.equal(sigmoid?.predictionEntropy, 0.5);
      assert.deepEqual(sigmoid?.confidences, [0.5, 1]);
      assert.deepEqual({ ...sigmoid, before: softmax?.before }, softmax);
      assert.deepEqual([logits?.predictionEntropy, logits?.confidences], [undefined, []]);
    }));

  it("are grey for a model of [height, width]", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/model/model-card.json", JSON.stringify({ inputShape: [4, 4] }));
      await put(root, "cam/inputs/a.npy", batch(2));
      assert.equal((await serving.inputsAfter("cam", "")).summaries[0]?.count, 2);
    }));

  it("are brought to the model's size as its metadata alone states", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/model/metadata.json", '{"packageName": "@teachablemachine/image"}');
      // Eight columns: two black, four white, two black.
      const row = [0, 0, 1, 1, 1, 1, 0, 0];
      const wide = await encodePng(Float32Array.from([row, row, row, row].flat()), {
        height: 4,
        width: 8,
        channels: 1,
      });
      await put(root, "cam/inputs/hour-1/wide.png", wide);
      assert.equal((await serving.inputsAfter("cam", "")).summaries[0]?.features.brightness, 1);
    }));

  it("from the future do not hide those that come after them", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/inputs/future.npy", batch(2), 4_000_000_000);
      const first = await serving.inputsAfter("cam", "");
      assert.equal(first.summaries.length, 1);
      assert.equal((await serving.inputsAfter("cam", first.cursor)).summaries.length, 0, "read once");
      await put(root, "cam/inputs/next.npy", batch(3), NOW_SECONDS);
      assert.deepEqual(
        (await serving.inputsAfter("cam", first.cursor)).summaries.map(({ count }) => count),
        [3],
      );
    }));

  it("that are never removed are looked at in turn, told of, and forgotten when they are gone", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/inputs/0.npy", batch(2), 100);
      for (let at = 1; at < 10_000; at++) await writeFile(join(root, `cam/inputs/${at}.npy`), "");
      const { cursor } = await serving.inputsAfter("cam", "");
      assert.deepEqual(serving.crowds(), [{ folder: join(root, "cam/inputs"), count: 10_000 }]);
      await put(root, "cam/inputs/new.npy", batch(3), NOW_SECONDS);
      assert.equal((await serving.inputsAfter("cam", cursor)).summaries.length, 1, "what is new is found at once");
      await put(root, "cam/inputs/0.npy", batch(5), NOW_SECONDS + 0.5);
      const { files } = await serving.trainingFiles("cam", cursor);
      let found: readonly string[] = files;
      for (let look = 0; look < 21 && !found.includes(join(root, "cam/inputs/0.npy")); look++)
        found = (await serving.trainingFiles("cam", cursor)).files;
      assert.ok(found.includes(join(root, "cam/inputs/0.npy")), "one that is written again is found in its turn");
      await rm(join(root, "cam/inputs"), { recursive: true });
      await serving.inputsAfter("cam", cursor);
      assert.deepEqual(serving.crowds(), []);
    }));

  it("are looked at 500 at a time where many lie", () =>
    withFolder(async (root) => {
      const inputs = new InputBatches({ clock: new VirtualClock(NOW_SECONDS * 1000), logger: silentLogger });
      const folder = join(root, "cam/inputs");
      for (let at = 0; at < 1_200; at++) await put(root, `cam/inputs/${at}.npy`, "", 100);
      const changed = async (): Promise<number> =>
        (await inputs.list(folder)).filter(({ changedAtMs }) => changedAtMs === 200_000).length;
      assert.equal(await changed(), 0);
      for (let at = 0; at < 1_200; at++) await utimes(join(folder, `${at}.npy`), 200, 200);
      assert.deepEqual([await changed(), await changed(), await changed()], [500, 1_000, 1_200]);
    }));

  it("that are damaged or of another size are passed over", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/inputs/bad.npy", "no array", 100);
      await put(
        root,
        "cam/inputs/large.npy",
        encodeNpyImages(syntheticImages({ height: 8, width: 8, channels: 1, count: 2, seed: 1 })),
        150,
      );
      await put(root, "cam/inputs/good.npy", batch(2), 200);
      assert.equal((await serving.inputsAfter("cam", "")).summaries.length, 1);
      assert.deepEqual(await serving.trainingFiles("cam", ""), {
        files: [join(root, "cam/inputs/good.npy")],
        count: 2,
      });
    }));

  it("for training are the newest, up to a limit", () =>
    withFolder(async (root, serving) => {
      for (const [index, name] of ["a", "b", "c", "d"].entries())
        await put(root, `cam/inputs/${name}.npy`, batch(4), 100 + index);
      const { files, count } = await serving.trainingFiles("cam", "");
      assert.deepEqual([files.map((file) => file.at(-5)), count], [["d", "c", "b"], 12]);
    }));

  it("for training are those behind a place in their order", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/inputs/a.npy", batch(4), 100);
      const { cursor } = await serving.inputsAfter("cam", "");
      assert.deepEqual(await serving.trainingFiles("cam", cursor), { files: [], count: 0 });
      await put(root, "cam/inputs/b.npy", batch(4), 101);
      const { files, count } = await serving.trainingFiles("cam", cursor);
      assert.deepEqual([files.map((file) => file.at(-5)), count], [["b"], 4]);
    }));

  it("may be pictures", () =>
    withFolder(async (root, serving) => {
      // A PNG of one pixel.
      const png = Buffer.from(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "base64",
      );
      await put(root, "cam/inputs/hour-1/any/x.png", png);
      await put(root, "cam/inputs/hour-1/any/y.png", png);
      assert.deepEqual(
        (await serving.inputsAfter("cam", "")).summaries.map(({ count }) => count),
        [2],
      );
    }));
});

describe("models", () => {
  it("are those with a deployed model; nothing else is one", () =>
    withFolder(async (root, serving) => {
      await put(root, "stray/readme.txt", "x");
      await put(root, "bad name/model/model.json", "{}");
      const models = await serving.models();
      assert.deepEqual(
        models.map(({ name }) => name),
        ["cam"],
      );
      assert.match(models[0]?.manifestDigest ?? "", /^[0-9a-f]{64}$/u);
    }));

  it("may be files as Keras saves them, one in a folder", () =>
    withFolder(async (root, serving) => {
      await put(root, "pets/model/cats-dogs.h5", "1");
      await put(root, "pets/model/checkpoint.weights.h5", "2");
      await put(root, "pair/model/a.keras", "1");
      await put(root, "pair/model/b.keras", "1");
      const models = (await serving.models()).map(({ name }) => name);
      assert.deepEqual(models, ["cam", "pets"]);
      assert.match(
        serving.passedOver()[0]?.why ?? "",
        /pair\/model has several models: a\.keras, b\.keras; leave one/u,
      );
    }));

  it("that are passed over are logged once, with why, until they are served or gone", () =>
    withFolder(async (root, serving, log) => {
      for (const name of ["my model", "resnet.v2", "m".repeat(80)]) await put(root, `${name}/model/model.json`, "{}");
      await put(root, "flat/model.json", "{}");
      await put(root, "typo/Model/model.json", "{}");
      for (let look = 0; look < 3; look++) await serving.models();
      const paths = (): readonly string[] => serving.passedOver().map(({ path }) => path.slice(root.length + 1));
      const expected = ["flat", "m".repeat(80), "my model", "resnet.v2", "typo"];
      assert.deepEqual(paths().toSorted(), expected);
      assert.equal(log.length, expected.length, log.join(""));
      for (const name of expected)
        assert.ok(
          log.some((line) => line.includes(`${root}/${name}"`)),
          name,
        );
      const why = serving.passedOver().find(({ path }) => path.endsWith("typo"))?.why;
      assert.match(why ?? "", /typo\/model\/model\.json/u);
      await rename(join(root, "typo/Model"), join(root, "typo/model"));
      for (const name of expected.slice(0, -1)) await rm(join(root, name), { recursive: true });
      assert.deepEqual(
        (await serving.models()).map(({ name }) => name),
        ["cam", "typo"],
      );
      assert.deepEqual(paths(), []);
      await rm(root, { recursive: true });
      assert.deepEqual([await serving.models(), paths().length], [[], 1], "nor is a root that cannot be read silent");
    }));

  it("are retrained only where what comes of it can be written", () =>
    withFolder(async (root, serving) => {
      await serving.requireWritable("cam");
      assert.deepEqual(await readdir(join(root, "cam/retrained")), [], "the trial leaves nothing");
      await rm(join(root, "cam/retrained"), { recursive: true });
      await put(root, "cam/retrained", "a file where the folder should be");
      await assert.rejects(serving.requireWritable("cam"), /cannot write into .*cam\/retrained/u);
    }));

  it("are swapped in one step; the one before is kept, older ones go", () =>
    withFolder(async (root, serving) => {
      const retrained = join(root, "cam/retrained");
      assert.equal(await findServable(retrained), undefined);
      for (const weights of ["one", "two", "three"]) await publish(serving, weights);
      const manifest = await readRetrainedManifest(retrained);
      assert.equal(manifest?.version, 3);
      const folders = (await readdir(retrained)).filter((name) => name !== "manifest.json").toSorted();
      assert.deepEqual(folders, [manifest.current.folder, manifest.previous?.folder ?? ""].toSorted());
      assert.equal((await serving.folders("cam")).serving, join(retrained, manifest.current.folder));
      await publish(serving, "three");
      assert.equal((await readRetrainedManifest(retrained))?.previous?.folder, manifest.previous?.folder);
    }));

  it("that are damaged are not served: first the one before, then the one as deployed", () =>
    withFolder(async (root, serving) => {
      const retrained = join(root, "cam/retrained");
      for (const weights of ["one", "two"]) await publish(serving, weights);
      const manifest = await readRetrainedManifest(retrained);
      await put(retrained, `${manifest?.current.folder}/model.json`, "bent");
      assert.deepEqual(await findServable(retrained), {
        folder: join(retrained, manifest?.previous?.folder ?? ""),
        version: 1,
        isFallback: true,
      });
      await put(retrained, `${manifest?.previous?.folder}/model.json`, "bent");
      assert.equal(await findServable(retrained), undefined);
      assert.equal((await serving.folders("cam")).serving, join(root, "cam/model"));
      await put(
        retrained,
        "manifest.json",
        JSON.stringify({ version: 1, current: { folder: "../../etc", digest: "" }, publishedAtMs: 1 }),
      );
      assert.equal(await findServable(retrained), undefined, "a manifest leads nowhere else");
      await publish(serving, "three");
      assert.equal((await findServable(retrained))?.isFallback, false);
    }));

  it("left half written by a killed retraining are removed with the next", () =>
    withFolder(async (root, serving) => {
      await put(root, "cam/retrained/.staged-dead/model.json", "half");
      await publish(serving, "one");
      assert.equal((await readdir(join(root, "cam/retrained"))).includes(".staged-dead"), false);
    }));
});
