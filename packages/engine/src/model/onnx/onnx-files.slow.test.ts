import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { NORMS_FILE } from "@mpo/core";
import { withNeutralNorms } from "../../adaptation/norms-put-back.ts";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import {
  assertSameOutputs,
  channelsLast,
  evaluate,
  moved,
  readOnnxCase,
  runOnnx,
} from "../../test-support/onnx-run.ts";
import type { Model } from "../model-graph.ts";
import { readModel } from "../read-model.ts";
import { writeModel } from "../write-model.ts";
import { foldedConvolutions, withNorms } from "./folded-norms.ts";
import { momentsModel, normsOfMoments } from "./norm-moments.ts";
import { decodeOnnx, EXTERNAL, encodeOnnx, type GraphMessage, type ModelMessage } from "./onnx-messages.ts";
import { readOnnxModel } from "./read-onnx-model.ts";
import { writeOnnxModel } from "./write-onnx-model.ts";

const CASES = fileURLToPath(new URL("../../../cases/onnx/", import.meta.url));

/** A case's file, changed. */
function changed(name: string, change: (message: ModelMessage & { readonly graph: GraphMessage }) => void): Uint8Array {
  const file = join(CASES, name, "model.onnx");
  const message = decodeOnnx(readFileSync(file), file);
  change(message);
  return encodeOnnx(message);
}

async function assertWritten(model: Model, folder: string, name: string): Promise<void> {
  const { shape, inputs } = readOnnxCase(join(CASES, name));
  const written = join(folder, "written.onnx");
  await writeOnnxModel(model, written);
  assertSameOutputs(
    await evaluate(model, channelsLast(inputs, shape)),
    (await runOnnx(written, inputs, shape)).values,
    "written",
  );
}

test("normalisations that were folded are put back without effect, and folded again", () =>
  withFolder(async (folder) => {
    const { file, shape, inputs } = readOnnxCase(join(CASES, "mixed-script"));
    const images = channelsLast(inputs, shape);
    const model = await readOnnxModel(file);
    const convolutions = foldedConvolutions(model.graph);
    // The gate's are of one pixel, and before a group normalisation there was none.
    assert.deepEqual(
      convolutions.map(({ name }) => name),
      ["stem/stem.0/Conv", "depthwise/depthwise.0/Conv", "wide"],
    );
    const moments = await evaluate(momentsModel(model, convolutions), images);
    const back = withNorms(model, convolutions, normsOfMoments(model, convolutions, moments));
    assert.equal(back.graph.nodes.filter(({ kind }) => kind === "batchNorm").length, 3);
    assertSameOutputs(await evaluate(back, images), await evaluate(model, images), "put back");
    await assertWritten({ ...back, weights: moved(back.weights) }, folder, "mixed-script");
  }));

test("normalisations lie beside the file that they are folded into, as they were trained", () =>
  withFolder(async (folder) => {
    const read = await readModel(join(CASES, "mixed-script"));
    const back = withNeutralNorms(read);
    const norms = [...back.weights.keys()].filter((name) => name.includes("_norm/"));
    // As training moves them: another scale and offset, and statistics that no longer undo them.
    const trained = new Map(
      [...back.weights].map(([name, values]) => {
        const isNorm = norms.includes(name);
        return [name, isNorm ? values.map((value, at) => 0.5 * value + 0.1 * (1 + (at % 5))) : values] as const;
      }),
    );
    const gamma = trained.get(norms.find((name) => name.endsWith("/gamma"))!)!;
    [gamma[0], gamma[1]] = [0, -gamma[1]!];
    const file = await writeModel({ ...back, weights: trained }, folder);
    assert.deepEqual(readdirSync(folder).toSorted(), ["model.onnx", NORMS_FILE]);
    const again = await readModel(folder);
    assert.deepEqual(again.graph, back.graph);
    for (const name of norms) assert.deepEqual(again.weights.get(name), trained.get(name), name);
    const kernel = [...(back.onnx?.norms?.keys() ?? [])]
      .map((name) => `${name}/kernel`)
      .find((name) => trained.has(name))!;
    const [before, after] = [trained.get(kernel)!, again.weights.get(kernel)!];
    const channels = gamma.length;
    before.forEach((value, at) => {
      // Of the channel that the scale brought to 0 nothing is left.
      const wanted = at % channels === 0 ? 0 : value;
      assert.ok(Math.abs(after[at]! - wanted) <= 1e-6 * Math.max(1, Math.abs(value)), `${at}: ${after[at]}, ${wanted}`);
    });
    assert.equal((await readModel(folder, { isFolded: true })).graph.nodes.length, read.graph.nodes.length);

    const bytes = readFileSync(join(folder, NORMS_FILE));
    writeFileSync(join(folder, NORMS_FILE), bytes.subarray(0, bytes.length - 4));
    await assert.rejects(readModel(folder), { code: "invalid-data", message: /norms\.safetensors/u });
    writeFileSync(join(folder, NORMS_FILE), bytes);
    // Another model's are no matter of this one, and are gone with the next that is written.
    writeFileSync(file, readFileSync(join(CASES, "mixed-script", "model.onnx")));
    assert.deepEqual((await readModel(folder)).graph, read.graph);
    await writeModel(read, folder);
    assert.deepEqual(readdirSync(folder), ["model.onnx"]);
  }));

test("weights in another file are read, and written into another file", () =>
  withFolder(async (folder) => {
    const data: Uint8Array[] = [];
    const bytes = changed("mixed-script", ({ graph }) => {
      let offset = 0;
      for (const tensor of graph.initializer) {
        const { rawData } = tensor;
        if (!rawData || rawData.length < 64) continue;
        const externalData = Object.entries({ location: "weights.bin", offset, length: rawData.length });
        tensor.externalData = externalData.map(([key, value]) => ({ key, value: String(value) }));
        tensor.dataLocation = EXTERNAL;
        data.push(rawData);
        offset += rawData.length;
        delete tensor.rawData;
      }
    });
    writeFileSync(join(folder, "model.onnx"), bytes);
    await assert.rejects(readOnnxModel(join(folder, "model.onnx")), { code: "not-found", hint: /copy both/u });
    writeFileSync(join(folder, "weights.bin"), Buffer.concat(data));
    const model = await readOnnxModel(join(folder, "model.onnx"));
    for (const seed of [1, 2]) {
      const weights = new Map(
        [...moved(model.weights)].map(([name, values]) => [name, values.map((value) => value * seed)]),
      );
      await assertWritten({ ...model, weights }, folder, "mixed-script");
    }
    assert.equal(readdirSync(folder).filter((name) => /^written\.onnx-[0-9a-f]{16}\.data$/.test(name)).length, 1);
    writeFileSync(join(folder, "weights.bin"), Buffer.concat(data).subarray(0, 100));
    await assert.rejects(readOnnxModel(join(folder, "model.onnx")), {
      code: "invalid-data",
      message: /ends at byte 100/u,
    });
  }));

test("a tensor of two layers becomes two where they were trained apart", () =>
  withFolder(async (folder) => {
    const bytes = changed("clip-script", ({ graph }) => {
      for (const { input } of graph.node) {
        const place = input.indexOf("blocks.0.k.bias");
        if (place >= 0) input[place] = "blocks.0.q.bias";
      }
    });
    writeFileSync(join(folder, "model.onnx"), bytes);
    const model = await readOnnxModel(join(folder, "model.onnx"));
    await assertWritten(model, folder, "clip-script");
    assert.equal(countOf(join(folder, "written.onnx")), countOf(join(folder, "model.onnx")));
    await assertWritten({ ...model, weights: moved(model.weights) }, folder, "clip-script");
    assert.equal(countOf(join(folder, "written.onnx")), countOf(join(folder, "model.onnx")) + 1);
  }));

function countOf(file: string): number {
  return decodeOnnx(readFileSync(file), file).graph.initializer.length;
}

const REFUSED: readonly (readonly [
  string,
  RegExp,
  (message: ModelMessage & { readonly graph: GraphMessage }) => void,
])[] = [
  [
    "an operator that is not supported",
    /node "[^"]+" \(Det\): this operator is not supported/u,
    ({ graph }) => {
      (graph.node.find(({ opType }) => opType === "Relu") as { opType?: string }).opType = "Det";
    },
  ],
  [
    "an operator of somebody else's",
    /\(com\.example\.Relu\): this operator is not supported/u,
    ({ graph }) => {
      (graph.node.find(({ opType }) => opType === "Relu") as { domain?: string }).domain = "com.example";
    },
  ],
  [
    "an older operator set",
    /operators of version 9; supported are 13 to 22/u,
    ({ opsetImport }) => {
      (opsetImport[0] as { version?: number }).version = 9;
    },
  ],
  [
    "an open image size",
    /has the shape \[\?, 3, \?, 32\]; expected all but the batch to be fixed/u,
    ({ graph }) => {
      const [, , height] = graph.input[0]!.type!.tensorType!.shape!.dim as { dimValue?: number; dimParam?: string }[];
      delete height!.dimValue;
      height!.dimParam = "height";
    },
  ],
  [
    "two outputs",
    /has 2 outputs \(logits, other\); expected one/u,
    ({ graph }) => {
      (graph.output as object[]).push({ ...graph.output[0], name: "other" });
    },
  ],
];

for (const [what, message, change] of REFUSED) {
  test(`${what} is refused by name`, () =>
    withFolder(async (folder) => {
      const file = join(folder, "model.onnx");
      writeFileSync(file, changed("mixed-script", change));
      await assert.rejects(readOnnxModel(file), { code: "unsupported", message });
    }));
}

test("what is no ONNX model is damaged", () =>
  withFolder(async (folder) => {
    const file = join(folder, "model.onnx");
    for (const bytes of [
      new Uint8Array(),
      Buffer.from("no model"),
      readFileSync(join(CASES, "mixed-script/model.onnx")).subarray(0, 9000),
    ]) {
      writeFileSync(file, bytes);
      await assert.rejects(readOnnxModel(file), { code: "invalid-data", message: /damaged, or no ONNX model/u });
    }
  }));
