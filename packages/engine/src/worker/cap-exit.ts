/** TensorFlow says one of these when its allocator's limit is reached. */
const OUT_OF_MEMORY = /OOM when allocating|RESOURCE_EXHAUSTED|ran out of memory|Allocator .* ran out/i;
/** A line of TensorFlow's log of severity "fatal". */
const TENSORFLOW_FATAL = /: F \S*(?:tensorflow|tsl)\//;

/** How a process that ran TensorFlow has ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last of what it said. */
  readonly stderr: string;
  /** Its allocator had a limit. */
  readonly isCapped: boolean;
}

/**
 * Whether a process ended because its allocator reached the limit: after that TensorFlow's kernels answer with an error,
 * stop in a check of their own (abort), or use what they did not get (segmentation fault). None of these is a random crash.
 */
export function isCapExit({ code, signal, stderr, isCapped }: ProcessEnd): boolean {
  const isSegmentationFault = signal === "SIGSEGV" || code === 139;
  const isFailedCheck = (signal === "SIGABRT" || code === 134) && TENSORFLOW_FATAL.test(stderr);
  return OUT_OF_MEMORY.test(stderr) || (isCapped && (isSegmentationFault || isFailedCheck));
}
