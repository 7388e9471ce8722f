import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { MpoError, type MpoErrorCode } from "@mpo/core";
import { randomModel, withFolder } from "../../test-support/layers-format-testing.ts";
import { buildModel } from "../zoo/build-model.ts";
import { withEvenPads } from "./even-pads.ts";
import { readSafetensors } from "./read-safetensors.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors-file.ts";
import { NAMINGS, TORCH_MODELS } from "./torch-names.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const coded =
  (code: MpoErrorCode, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof MpoError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
const SIZE = [64, 64] as const;

for (const name of TORCH_MODELS) {
  for (const naming of NAMINGS) {
    void test(`weights of ${name} go to ${naming}'s names and back`, () =>
      withFolder(async (folder) => {
        const options = { model: name, norm: "batch", inputShape: [...SIZE, 3], classes: 7 } as const;
        const model = randomModel(withEvenPads(buildModel(options)), 1);
        const path = join(folder, "weights.safetensors");
        assert.deepEqual(await writeSafetensors(model, path, naming), { isSameInTorch: true });
        const read = await readSafetensors(path, { model: name, size: SIZE });
        assert.deepEqual([read.unused, [...read.model.weights.keys()]], [[], [...model.weights.keys()]]);
        for (const [variable, values] of model.weights) {
          assert.deepEqual(read.model.weights.get(variable), values, variable);
        }
      }));
  }
}

void test("what is missing is listed with the nearest names, what is too much is named", () =>
  withFolder(async (folder) => {
    const options = { model: "mobilenet-v2", norm: "batch", inputShape: [...SIZE, 3], classes: 4 } as const;
    const path = join(folder, "weights.safetensors");
    const { isSameInTorch } = await writeSafetensors(randomModel(buildModel(options), 1), path, "timm");
    // TensorFlow pads a strided window of an even image unevenly.
    assert.equal(isSameInTorch, false);
    const tensors = decodeSafetensors(await readFile(path), path);
    const floats = [...tensors].filter(([, { dtype }]) => dtype === "F32");
    const write = async (rename: (name: string) => string, more: Record<string, number> = {}): Promise<void> =>
      await writeFile(
        path,
        encodeSafetensors(
          new Map([
            ...floats.map(([name, { shape, values }]) => [rename(name), { shape, values: values() }] as const),
            ...Object.entries(more).map(
              ([name, value]) => [name, { shape: [1], values: Float32Array.of(value) }] as const,
            ),
          ]),
        ),
      );
    const read = () => readSafetensors(path, { model: "mobilenet-v2", size: SIZE });
    await write((name) => (name === "conv_stem.weight" ? "conv_stam.weight" : name));
    await assert.rejects(read(), coded("invalid-data", /lacks conv_stem\.weight \(there is conv_stam\.weight\)/));
    await write((name) => `module.model.${name}`, { "module.model.head.extra": 1 });
    assert.deepEqual((await read()).unused, ["head.extra"]);
    await write((name) => name.replace("classifier", "head"));
    await assert.rejects(read(), coded("invalid-data", /lacks classifier\.1\.weight, classifier\.weight/));
    await assert.rejects(
      readSafetensors(path, { model: "resnet20", size: SIZE }),
      coded("unsupported", /no names for the weights of resnet20/),
    );
  }));
