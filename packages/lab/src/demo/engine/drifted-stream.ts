import { samplesOf } from "@mpo/cli";
import {
  type CorruptionName,
  concatImages,
  type DriftTask,
  driftStream,
  type ImageSet,
  sliceImages,
} from "@mpo/datasets";
import type { Samples } from "@mpo/engine";

/** One drift that the stream brought: its first images to adapt to, the later ones to judge on. */
export interface StreamDrift {
  readonly corruption: CorruptionName;
  readonly adapted: Samples;
  readonly judged: Samples;
}

const SEVERITY = 5;
const BATCH = 64;

/** Reads a stream of drifting images to its end. */
export async function readDrifts(
  source: ImageSet,
  corruptions: readonly CorruptionName[],
  { samples, judgeSamples, seed }: { readonly samples: number; readonly judgeSamples: number; readonly seed: number },
  signal: AbortSignal,
): Promise<readonly StreamDrift[]> {
  const tasks: readonly DriftTask[] = corruptions.map((corruption) => ({ corruption, severity: SEVERITY }));
  const imagesPerTask = samples + judgeSamples;
  const parts: ImageSet[][] = tasks.map(() => []);
  const options = { source, tasks, imagesPerTask, transition: "abrupt", seed, batchSize: BATCH, signal } as const;
  for await (const { images, taskIndex } of driftStream(options)) parts[taskIndex]?.push(images);
  return corruptions.map((corruption, index) => {
    const images = concatImages(parts[index] ?? []);
    // Copies: a worker is sent what it needs, not the memory that a view is cut from.
    const copy = (from: number, to: number): Samples => samplesOf(concatImages([sliceImages(images, from, to)]));
    return { corruption, adapted: copy(0, samples), judged: copy(samples, imagesPerTask) };
  });
}
