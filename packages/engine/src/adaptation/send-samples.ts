import { collectGarbage } from "@mpo/io";
import type { Samples } from "../training/batches.ts";
import type { CallOptions, EngineWorker } from "../worker/engine-worker.ts";

/** Names under which a worker holds what a retraining trains and is judged on. */
export const ADAPTED = "adapted";
export const JUDGED = "judged";

/** Gives a worker the samples of a retraining; those of which one set begins the other are sent once. */
export async function sendSamples(
  worker: EngineWorker,
  { images, labels, count }: Samples,
  judgedOn: Samples,
  call: Pick<CallOptions, "signal">,
): Promise<void> {
  await worker.setSamples(JUDGED, { images: judgedOn.images, count: judgedOn.count }, call);
  const adapted = labels === undefined ? { count } : { count, labels };
  if (beginsWith(judgedOn.images, images)) {
    await worker.call("sameSamples", { name: ADAPTED, of: JUDGED, ...adapted }, call);
  } else await worker.setSamples(ADAPTED, { images, ...adapted }, call);
}

/** Frees the images of samples that a worker holds; their arrays are empty afterwards. */
export function freeImages(...sets: readonly Samples[]): void {
  // Several may lie in one buffer, and one that is gone cannot be given away again: later releases of Node throw.
  for (const buffer of new Set(sets.map(({ images }) => images.buffer))) {
    if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
  }
  collectGarbage("most");
}

function beginsWith(whole: Float32Array, part: Float32Array): boolean {
  return part.buffer === whole.buffer && part.byteOffset === whole.byteOffset && part.length <= whole.length;
}
