import { MpoError } from "@mpo/core";
import { throwIfAborted } from "@mpo/io";
import { corrupt } from "../corruptions/corruption.ts";
import type { CorruptionName, Severity } from "../corruptions/corruption-name.ts";
import { type ImageSet, imageLength, takeImages } from "./image-set.ts";
import { createRandom, deriveSeed } from "./random.ts";

/** One stretch of a stream with one distribution. */
export type DriftTask =
  | { readonly corruption: "clean" }
  | { readonly corruption: CorruptionName; readonly severity: Severity };

/** `abrupt`, or images of the new task mixed in with growing share over the first `gradualOver` images of each task. */
export type DriftTransition = "abrupt" | { readonly gradualOver: number };

export interface DriftStreamOptions {
  readonly source: ImageSet;
  readonly tasks: readonly DriftTask[];
  readonly imagesPerTask: number;
  readonly transition: DriftTransition;
  readonly seed: number;
  readonly batchSize: number;
  /** Image of the stream to start at, counted over all tasks; 0 when left out. */
  readonly startAt?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Consecutive images of a stream; never of two tasks' stretches. */
export interface DriftBatch {
  /** With the source's labels, for judging. */
  readonly images: ImageSet;
  readonly taskIndex: number;
  /** Share of these images that have the distribution of this task; the others still have that of the task before. */
  readonly mix: number;
  /** Position of the first image in the whole stream: `startAt` of a stream that continues from this batch. */
  readonly firstIndex: number;
}

/**
 * A stream whose distribution changes from task to task: the source in seeded random order (a new order each time it is
 * used up), corrupted as the tasks say. Every image depends only on the options and its position, so a stream resumed
 * with `startAt` continues with the same images, in the same batches if `startAt` is a batch's `firstIndex`. Batches are
 * cut at multiples of `batchSize` within a task; the last of a task may be short.
 * Throws `invalid-argument` at the first batch, or `cancelled`.
 */
export async function* driftStream(options: DriftStreamOptions): AsyncGenerator<DriftBatch, void, undefined> {
  checkOptions(options);
  const { source, tasks, imagesPerTask, batchSize, signal } = options;
  const sourceIndex = sourceOrder(source.count, options.seed);
  const total = tasks.length * imagesPerTask;
  for (let position = options.startAt ?? 0; position < total; ) {
    throwIfAborted(signal);
    const taskIndex = Math.floor(position / imagesPerTask);
    const within = position - taskIndex * imagesPerTask;
    const end = Math.min(imagesPerTask, (Math.floor(within / batchSize) + 1) * batchSize);
    const positions = Array.from({ length: end - within }, (_, i) => position + i);
    const clean = takeImages(source, positions.map(sourceIndex));
    const isNew = positions.map((p) => showsNewTask(p, options));
    const images = await corruptMixed(clean, taskIndex, isNew, position, options);
    const mix = isNew.filter(Boolean).length / isNew.length;
    yield { images, taskIndex, mix, firstIndex: position };
    position += positions.length;
  }
}

function checkOptions(options: DriftStreamOptions): void {
  const { source, tasks, imagesPerTask, batchSize, transition, startAt = 0 } = options;
  const wrong = (what: string): never => {
    throw new MpoError("invalid-argument", `drift stream: ${what}`);
  };
  const atLeastOne = { "images of the source": source.count, tasks: tasks.length, imagesPerTask, batchSize };
  for (const [name, value] of Object.entries(atLeastOne)) {
    if (!Number.isSafeInteger(value) || value < 1) wrong(`${name}: expected a whole number >= 1, got ${value}`);
  }
  const total = tasks.length * imagesPerTask;
  if (!Number.isSafeInteger(startAt) || startAt < 0 || startAt > total) {
    wrong(`startAt: expected a whole number in 0..${total}, got ${startAt}`);
  }
  if (transition === "abrupt") return;
  const { gradualOver } = transition;
  if (!Number.isSafeInteger(gradualOver) || gradualOver < 1 || gradualOver > imagesPerTask) {
    wrong(`gradualOver: expected a whole number in 1..${imagesPerTask} (imagesPerTask), got ${gradualOver}`);
  }
}

function sourceOrder(count: number, seed: number): (position: number) => number {
  const inOrder = Array.from({ length: count }, (_, i) => i);
  let round = -1;
  let order: readonly number[] = [];
  return (position) => {
    const wanted = Math.floor(position / count);
    if (wanted !== round) {
      round = wanted;
      order = createRandom(deriveSeed(seed, "order", round)).shuffled(inOrder);
    }
    return order[position % count]!;
  };
}

function showsNewTask(position: number, options: DriftStreamOptions): boolean {
  const { transition, imagesPerTask, seed } = options;
  if (transition === "abrupt" || position < imagesPerTask) return true;
  const within = position % imagesPerTask;
  const share = (within + 1) / (transition.gradualOver + 1);
  return createRandom(deriveSeed(seed, "transition", position)).uniform() < share;
}

async function corruptMixed(
  clean: ImageSet,
  taskIndex: number,
  isNew: readonly boolean[],
  firstIndex: number,
  options: DriftStreamOptions,
): Promise<ImageSet> {
  const under = async (index: number): Promise<ImageSet> => {
    const task = options.tasks[index]!;
    if (task.corruption === "clean") return clean;
    const { corruption, severity } = task;
    return await corrupt(clean, corruption, severity, options.seed, { firstIndex, signal: options.signal });
  };
  if (isNew.every(Boolean)) return await under(taskIndex);
  const now = await under(taskIndex);
  const before = await under(taskIndex - 1);
  const length = imageLength(clean);
  const images = before.images.slice();
  for (const [i, fresh] of isNew.entries()) {
    if (fresh) images.set(now.images.subarray(i * length, (i + 1) * length), i * length);
  }
  return { ...now, images };
}
