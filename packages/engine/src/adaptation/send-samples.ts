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
  for (const { images } of sets) {
    const { buffer } = images;
    if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
  }
  collectGarbage("most");
}

function beginsWith(whole: Float32Array, part: Float32Array): boolean {
  return part.buffer === whole.buffer && part.byteOffset === whole.byteOffset && part.length <= whole.length;
}
