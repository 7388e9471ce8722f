import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { corrupt } from "../corruptions/corruption.ts";
import { type DriftBatch, type DriftStreamOptions, driftStream } from "./drift-stream.ts";
import { concatImages, type ImageSet, imageAt } from "./image-set.ts";
import { syntheticImages } from "./synthetic-images.ts";

const source = syntheticImages({ count: 50, height: 12, width: 12, channels: 1, seed: 8 });
const base: DriftStreamOptions = {
  source,
  tasks: [{ corruption: "clean" }, { corruption: "fog", severity: 5 }, { corruption: "impulse_noise", severity: 3 }],
  imagesPerTask: 40,
  transition: "abrupt",
  seed: 3,
  batchSize: 16,
};

async function collect(options: DriftStreamOptions): Promise<DriftBatch[]> {
  const batches: DriftBatch[] = [];
  for await (const batch of driftStream(options)) batches.push(batch);
  return batches;
}

const joined = (batches: readonly DriftBatch[]): ImageSet => concatImages(batches.map((batch) => batch.images));

void test("batches are cut within tasks and say where they are", async () => {
  const batches = await collect(base);
  assert.deepEqual(
    batches.map((batch) => [batch.firstIndex, batch.images.count, batch.taskIndex, batch.mix]),
    [0, 16, 32, 40, 56, 72, 80, 96, 112].map((at) => [at, at % 40 === 32 ? 8 : 16, Math.floor(at / 40), 1]),
  );
});

void test("clean images are the source in random order, each once before any comes again", async () => {
  const options = { ...base, tasks: [{ corruption: "clean" } as const], imagesPerTask: 120 };
  const whole = joined(await collect(options));
  const keyOf = (set: ImageSet, i: number): string => imageAt(set, i).join();
  const sourceKeys = Array.from({ length: 50 }, (_, i) => keyOf(source, i));
  const drawn = Array.from({ length: 120 }, (_, i) => sourceKeys.indexOf(keyOf(whole, i)));
  for (const start of [0, 50]) assert.equal(new Set(drawn.slice(start, start + 50)).size, 50);
  assert.notDeepEqual(drawn.slice(0, 50), drawn.slice(50, 100));
  assert.deepEqual(
    [...whole.labels!],
    drawn.map((index) => source.labels![index]),
  );
});

void test("the same options give the same stream, another seed another", async () => {
  assert.deepEqual(await collect(base), await collect(base));
  assert.notDeepEqual(joined(await collect(base)), joined(await collect({ ...base, seed: 4 })));
});

for (const transition of ["abrupt", { gradualOver: 25 }] as const) {
  void test(`resumes anywhere with the same images (${JSON.stringify(transition)})`, async () => {
    const options = { ...base, transition };
    const batches = await collect(options);
    const whole = joined(batches);
    for (const startAt of [0, 1, 16, 39, 40, 47, 80, 119]) {
      const rest = joined(await collect({ ...options, startAt }));
      assert.deepEqual(rest.images, whole.images.slice(startAt * 144));
      assert.deepEqual(rest.labels, whole.labels!.slice(startAt));
    }
    assert.deepEqual(await collect({ ...options, startAt: 56 }), batches.slice(4));
    assert.deepEqual(await collect({ ...options, startAt: 120 }), []);
  });
}

void test("the batch size changes only where the stream is cut", async () => {
  const options = { ...base, transition: { gradualOver: 30 } };
  assert.deepEqual(joined(await collect(options)), joined(await collect({ ...options, batchSize: 7 })));
});

void test("a gradual change mixes images of both tasks, more and more of the new one", async () => {
  const many = { ...base, imagesPerTask: 400, batchSize: 100, transition: { gradualOver: 300 } };
  const batches = await collect(many);
  const mixes = batches.map((batch) => batch.mix);
  assert.deepEqual(mixes.slice(0, 4), [1, 1, 1, 1]);
  for (const task of [1, 2]) {
    const [first, second, third, last] = mixes.slice(4 * task, 4 * task + 4) as [number, number, number, number];
    assert.ok(first > 0 && first < second && second < third && third < 1, `${mixes}`);
    assert.equal(last, 1);
  }
  const batch = batches[5]!;
  const abrupt = (await collect({ ...many, transition: "abrupt", startAt: batch.firstIndex }))[0]!;
  const clean = (
    await collect({
      ...many,
      tasks: [{ corruption: "clean" }, { corruption: "clean" }],
      transition: "abrupt",
      startAt: batch.firstIndex,
    })
  )[0]!;
  let fresh = 0;
  for (let i = 0; i < batch.images.count; i++) {
    const key = imageAt(batch.images, i).join();
    const isNew = key === imageAt(abrupt.images, i).join();
    assert.ok(isNew || key === imageAt(clean.images, i).join());
    fresh += Number(isNew);
  }
  assert.equal(fresh / batch.images.count, batch.mix);
});

void test("corruption of an image depends on its position in the stream", async () => {
  const batches = await collect(base);
  const clean = await collect({ ...base, tasks: base.tasks.map(() => ({ corruption: "clean" as const })) });
  const expected = await corrupt(clean[7]!.images, "impulse_noise", 3, base.seed, { firstIndex: 96 });
  assert.deepEqual(batches[7]!.images, expected);
});

void test("wrong options and an aborted signal are refused", async () => {
  const wrong: readonly Partial<DriftStreamOptions>[] = [
    { tasks: [] },
    { imagesPerTask: 0 },
    { batchSize: 1.5 },
    { startAt: 121 },
    { startAt: -1 },
    { transition: { gradualOver: 0 } },
    { transition: { gradualOver: 41 } },
    { source: { ...source, count: 0, images: new Float32Array(0), labels: new Int32Array(0) } },
  ];
  for (const part of wrong) {
    await assert.rejects(
      collect({ ...base, ...part }),
      (error) => error instanceof MpoError && error.code === "invalid-argument",
      Object.keys(part).join(),
    );
  }
  const signal = AbortSignal.abort();
  await assert.rejects(
    collect({ ...base, signal }),
    (error) => error instanceof MpoError && error.code === "cancelled",
  );
});
