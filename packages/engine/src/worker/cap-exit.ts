import { MpoError } from "@mpo/core";
import type { ProcessEnd } from "@mpo/io";

/** TensorFlow says one of these when its allocator's limit is reached. */
export const OUT_OF_MEMORY = /OOM when allocating|RESOURCE_EXHAUSTED|ran out of memory|Allocator .* ran out/i;
/** A line of TensorFlow's log of severity "fatal": as 2.15 writes it, and as 2.21 does. */
const TENSORFLOW_FATAL = /: F \S*(?:tensorflow|tsl)\/|^F\d{4} [\d:.]+ +\d+ \S+:\d+\]/m;

/**
 * Whether a process that ran TensorFlow ended because its allocator reached the limit, if it had one (`isCapped`): after
 * that TensorFlow's kernels answer with an error, stop in a check of their own (abort), or use what they did not get
 * (segmentation fault). None of these is a random crash.
 */
export function isCapExit({ code, signal, stderr }: ProcessEnd, isCapped: boolean): boolean {
  const isSegmentationFault = signal === "SIGSEGV" || code === 139;
  const isFailedCheck = (signal === "SIGABRT" || code === 134) && TENSORFLOW_FATAL.test(stderr);
  return OUT_OF_MEMORY.test(stderr) || (isCapped && (isSegmentationFault || isFailedCheck));
}

/** What is thrown then. */
export function overCap(text: string, cause?: unknown): MpoError {
  return new MpoError("over-memory-cap", text, {
    cause,
    hint: "Choose a smaller micro-batch, more freezing or more checkpoints, or a higher cap.",
  });
}
