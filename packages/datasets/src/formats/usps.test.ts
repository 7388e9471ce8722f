import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import h5wasm from "h5wasm/node";
import { coded } from "../test-support/coded.ts";
import { describeData } from "./describe-data.ts";
import { loadUsps } from "./usps.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-usps-"));
});
after(() => rm(folder, { recursive: true, force: true }));
const inside = async (files: Readonly<Record<string, string | Uint8Array>>): Promise<string> => {
  const place = await mkdtemp(join(folder, "set-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content);
  return place;
};

/** Two images to train on, all 0 and all 0.5, and one to test on. */
async function uspsHdf5(): Promise<Uint8Array> {
  await h5wasm.ready;
  const path = join(folder, "written.h5");
  const file = new h5wasm.File(path, "w");
  for (const [part, labels] of [
    ["train", [4, 8]],
    ["test", [1]],
  ] as const) {
    file.create_group(part);
    const data = Float32Array.from({ length: 256 * labels.length }, (_, i) => (i < 256 ? 0 : 0.5));
    file.create_dataset({ name: `${part}/data`, data, shape: [labels.length, 256], dtype: "<f4" });
    const target = Int32Array.from(labels);
    file.create_dataset({ name: `${part}/target`, data: target, shape: [labels.length], dtype: "<i4" });
  }
  file.close();
  return await readFile(path);
}

const rest = new Array<number>(255).fill(-1);

void test("LIBSVM's digits count from 1 and leave out zeros", async () => {
  const place = await inside({ usps: "7 1:-1 2:1 256:0.5\n10 3:-0.5\n", "usps.t": "1 1:1\n" });
  const train = await loadUsps(place, "train");
  assert.deepEqual([train.count, train.height, train.width, train.channels], [2, 16, 16, 1]);
  assert.deepEqual([...train.labels!], [6, 9]);
  assert.deepEqual(
    [0, 1, 2, 255, 258].map((at) => train.images[at]),
    [0, 1, 0.5, 0.75, 0.25],
  );
  assert.deepEqual([...(await loadUsps(place, "test")).labels!], [0]);
  assert.equal((await describeData(place, { samples: 0 })).dataset, "usps");
});

void test("zip.train has the digit and 256 values a line", async () => {
  const place = await inside({
    "zip.train": `6.0000 1.000 ${rest.join(" ")} \n`,
    "zip.test": `0 ${[0, ...rest].join(" ")}\n`,
  });
  const train = await loadUsps(place, "train");
  assert.deepEqual([[...train.labels!], train.images[0], train.images[255]], [[6], 1, 0]);
  assert.equal((await loadUsps(place, "test")).images[0], 0.5);
});

void test("usps.h5 has both parts", async () => {
  const place = await inside({ "usps.h5": await uspsHdf5() });
  const [train, held] = [await loadUsps(place, "train"), await loadUsps(place, "test")];
  assert.deepEqual([train.count, [...train.labels!], train.images[0], train.images[256]], [2, [4, 8], 0, 0.5]);
  assert.deepEqual([held.count, [...held.labels!]], [1, [1]]);
});

void test("what is none of these is refused", async () => {
  const refused = async (
    name: string,
    content: string | Uint8Array,
    error: (thrown: unknown) => boolean,
  ): Promise<void> => await assert.rejects(loadUsps(await inside({ [name]: content }), "train"), error);
  await refused("usps", "7 1:-1 300:1\n", coded("invalid-data", /line 1: 7 1:-1 300:1/));
  await refused("usps", "11 1:-1\n", coded("invalid-data"));
  await refused("zip.train", "6 1 2 3\n", coded("invalid-data", /line 1/));
  await refused("usps.bz2", "BZh91AY", coded("unsupported", /bzip2/));
  await refused("usps.h5", (await uspsHdf5()).subarray(0, 900), coded("invalid-data", /HDF5/));
});
