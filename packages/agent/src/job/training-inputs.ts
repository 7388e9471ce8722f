import { given, MpoError } from "@mpo/core";
import type { PictureForm } from "@mpo/datasets";
import type { Samples } from "@mpo/engine";
import { collectGarbage } from "@mpo/io";
import { type ReadInputs, readInputs } from "../serving/read-inputs.ts";

export interface TrainingInputs {
  readonly samples: Samples;
  readonly judgedOn: Samples;
}

/** Share of labelled inputs that are kept back to judge by: they must not be trained on. */
const JUDGED_SHARE = 0.25;

/**
 * Reads batches, newest first, up to `maxInputs`. Those that cannot be read are passed over. With labels for all, every
 * fourth input is kept back; without, the result is judged on what it was trained on. Throws `not-found` for none.
 */
export async function readTrainingInputs(
  files: readonly string[],
  shape: PictureForm,
  maxInputs: number,
): Promise<TrainingInputs> {
  const batches: ReadInputs[] = [];
  let count = 0;
  for (const file of files) {
    if (count >= maxInputs) break;
    const batch = await readInputs(file, shape).catch(() => undefined);
    if (batch === undefined || batch.set.count === 0) continue;
    batches.push(batch);
    count += batch.set.count;
  }
  if (count === 0) throw new MpoError("not-found", `none of the ${files.length} batches of inputs can be read`);
  const all = joined(batches, Math.min(count, maxInputs), shape);
  collectGarbage("most");
  if (all.labels === undefined) return { samples: all, judgedOn: all };
  const period = Math.round(1 / JUDGED_SHARE);
  const isJudged = (index: number): boolean => index % period === period - 1;
  if (all.count < period) return { samples: all, judgedOn: all };
  return { samples: picked(all, (index) => !isJudged(index)), judgedOn: picked(all, isJudged) };
}

function joined(batches: readonly ReadInputs[], count: number, { height, width, channels }: PictureForm): Samples {
  const length = height * width * channels;
  const [only] = batches;
  if (only !== undefined && only.set.count === count && batches.length === 1) {
    return { images: only.set.images, count, ...given({ labels: only.labels }) };
  }
  const images = new Float32Array(count * length);
  const labels = new Int32Array(count);
  const isLabelled = batches.every((batch) => batch.labels !== undefined);
  let at = 0;
  for (const batch of batches) {
    const taken = Math.min(batch.set.count, count - at);
    images.set(batch.set.images.subarray(0, taken * length), at * length);
    if (batch.labels !== undefined) labels.set(batch.labels.subarray(0, taken), at);
    at += taken;
  }
  return { images, count, ...(isLabelled ? { labels } : {}) };
}

function picked({ images, labels, count }: Samples, isPicked: (index: number) => boolean): Samples {
  const indices = Array.from({ length: count }, (_, index) => index).filter(isPicked);
  const length = images.length / count;
  const chosen = new Float32Array(indices.length * length);
  for (const [at, index] of indices.entries()) {
    chosen.set(images.subarray(index * length, (index + 1) * length), at * length);
  }
  const chosenLabels =
    labels === undefined ? {} : { labels: Int32Array.from(indices, (index) => labels[index] as number) };
  return { images: chosen, count: indices.length, ...chosenLabels };
}
