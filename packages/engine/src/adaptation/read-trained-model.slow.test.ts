import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NORMS_FILE, REFERENCE_FILE } from "@mpo/core";
import { encodeNpyImages, MODEL_CARD_FILE, ONNX_FILE } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import type { Model } from "../model/model-graph.ts";
import { writeModel } from "../model/write-model.ts";
import { graphDigest } from "../probe/graph-digest.ts";
import { withFolder } from "../test-support/layers-format-testing.ts";
import { type PutBackOptions, withNeutralNorms } from "./norms-put-back.ts";
import { readTrainedModel } from "./read-trained-model.ts";

const CASE = fileURLToPath(new URL("../../cases/onnx/mixed-script/model.onnx", import.meta.url));
const MIB = 2 ** 20;

/** A folder as a program serves it, with so many reference inputs. */
function deployed(parent: string, name: string): string {
  const folder = join(parent, name);
  mkdirSync(folder);
  copyFileSync(CASE, join(folder, ONNX_FILE));
  writeFileSync(join(folder, MODEL_CARD_FILE), JSON.stringify({ inputShape: [32, 32, 3], input: { range: "unit" } }));
  return folder;
}

function setReferences(folder: string, count: number, side = 32): void {
  const images = syntheticImages({ count, height: side, width: side, channels: 3, seed: 3 });
  writeFileSync(join(folder, REFERENCE_FILE), encodeNpyImages(images));
}

const normsOf = ({ graph }: Model): number => graph.nodes.filter(({ kind }) => kind === "batchNorm").length;

test("what lies beside the model as deployed decides whether normalisations are put back, everywhere alike", () =>
  withFolder(async (parent) => {
    const putBack: PutBackOptions = { environment: process.env, memoryBytes: 300 * MIB };
    const source = deployed(parent, "model");
    const note = async (): Promise<string> => {
      const { model, note } = await readTrainedModel(source, { putBack });
      assert.equal(normsOf(model), 0);
      return note ?? "";
    };
    assert.match(await note(), /3 convolutions have a bias, .* as there is no .*reference\.npy/u);
    setReferences(source, 15);
    assert.match(await note(), /has 15 inputs; at least 16 are needed/u);
    setReferences(source, 16, 16);
    assert.match(await note(), /has inputs of 16x16.*; the model takes 32x32/u);
    writeFileSync(join(source, REFERENCE_FILE), "no array");
    assert.match(await note(), /reference\.npy/u);

    setReferences(source, 16);
    const planned = await readTrainedModel(source, { putBack: undefined });
    const trained = await readTrainedModel(source, { putBack });
    assert.deepEqual([normsOf(planned.model), planned.note, trained.note], [3, undefined, undefined]);
    assert.equal(graphDigest(planned.model.graph), graphDigest(trained.model.graph));
    assert.notDeepEqual(planned.model.weights, trained.model.weights);

    // What was retrained on the device lies elsewhere, with its own.
    const moved = [...trained.model.weights].map(
      ([name, values]) => [name, values.map((value) => 1.5 * value)] as const,
    );
    const retrained = deployed(parent, "retrained");
    await writeModel({ ...trained.model, weights: new Map(moved) }, retrained);
    const name = [...trained.model.weights.keys()].find((each) => each.endsWith("_norm/beta"))!;
    const again = await readTrainedModel(retrained, { source, putBack });
    assert.deepEqual(again.model.weights.get(name), new Map(moved).get(name));
    assert.equal(graphDigest(again.model.graph), graphDigest(trained.model.graph));
    // It was lost: by the references.
    rmSync(join(retrained, NORMS_FILE));
    assert.equal(normsOf((await readTrainedModel(retrained, { source, putBack })).model), 3);
    await writeModel({ ...trained.model, weights: new Map(moved) }, retrained);
    rmSync(join(source, REFERENCE_FILE));
    assert.equal(normsOf((await readTrainedModel(retrained, { source, putBack })).model), 0);
    // With normalisations of its own, a model needs no references.
    const own = (await readTrainedModel(retrained, { putBack })).model;
    assert.deepEqual(own.weights.get(name), new Map(moved).get(name));
    // Retrained before they were there.
    const former = deployed(parent, "former");
    const by = await readTrainedModel(former, { source: retrained, putBack });
    assert.deepEqual(by.model.weights.get(name), new Map(moved).get(name));
  }));

test("looking at reference inputs takes no more than an idle worker may, where a step has no room", () =>
  withFolder(async (parent) => {
    const source = deployed(parent, "model");
    setReferences(source, 16);
    const { model } = await readTrainedModel(source, { putBack: { environment: process.env, memoryBytes: MIB / 8 } });
    assert.equal(normsOf(model), 3);
    assert.equal(withNeutralNorms(model), model);
  }));
