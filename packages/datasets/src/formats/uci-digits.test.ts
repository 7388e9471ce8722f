import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { coded } from "../test-support/coded.ts";
import { describeData } from "./describe-data.ts";
import { loadUciDigits } from "./uci-digits.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mpo-uci-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const line = (digit: number, ink: number): string => [...new Array<number>(64).fill(ink), digit].join(",");

void test("UCI's digits become images of 0 to 1 with ten named classes", async () => {
  await writeFile(join(folder, "optdigits.tra"), `${line(3, 16)}\n${line(0, 4)}\n`);
  await writeFile(join(folder, "optdigits.tes"), line(9, 0));
  const train = await loadUciDigits(folder, "train");
  assert.deepEqual([train.count, train.height, train.width, train.channels], [2, 8, 8, 1]);
  assert.deepEqual([train.images[0], train.images[64]], [1, 0.25]);
  assert.deepEqual([...train.labels!], [3, 0]);
  assert.equal(train.classNames?.[9], "9");
  assert.deepEqual([...(await loadUciDigits(folder, "test")).labels!], [9]);
  assert.equal((await describeData(folder, { samples: 0 })).dataset, "uci-digits");
});

void test("scikit-learn's file has no parts, so a fifth is kept for testing", async () => {
  const alone = await mkdtemp(join(folder, "sklearn-"));
  const lines = Array.from({ length: 10 }, (_, digit) => line(digit, 1));
  await writeFile(join(alone, "digits.csv.gz"), gzipSync(lines.join("\n")));
  const labels = (await Promise.all((["train", "test"] as const).map((part) => loadUciDigits(alone, part)))).map(
    (set) => [...set.labels!],
  );
  assert.deepEqual([labels[0]?.length, labels[1]?.length], [8, 2]);
  assert.deepEqual(labels.flat().toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

void test("a line that is no digit is refused with its place, and a missing part by name", async () => {
  const bad = await mkdtemp(join(folder, "bad-"));
  for (const wrong of [line(3, 17), line(10, 1), "1,2,3", line(1, 1).slice(0, -2)]) {
    await writeFile(join(bad, "optdigits.tes"), `${line(1, 1)}\n${wrong}\n`);
    await assert.rejects(loadUciDigits(bad, "test"), coded("invalid-data", /optdigits\.tes: at byte 130: .*line 2/));
  }
  await assert.rejects(loadUciDigits(bad, "train"), coded("not-found", /no train part; expected optdigits\.tra/));
  await writeFile(join(bad, "optdigits.tra"), Uint8Array.of(0x1f, 0x8b, 1));
  await assert.rejects(loadUciDigits(bad, "train"), coded("invalid-data", /gzip/));
});
