import { POOL_THRESHOLD_BYTES } from "@mpo/core";
import { OOM_SCORE_VARIABLE } from "./memory-killer.ts";

/** What decides how TensorFlow runs in a child process. */
export interface WorkerEnvironmentOptions {
  /** Environment to start from, usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Hard limit of TensorFlow's allocator in bytes. Absent: none. */
  readonly memoryCapBytes?: number;
  /** Threads inside an operation; default: all cores. */
  readonly threads?: number;
  /** How readily the system's memory killer takes the process, -1000..1000; default 500, so that others live. */
  readonly oomScoreAdjust?: number;
}

/**
 * How glibc's malloc serves small buffers (mallopt(3)): from one heap, which keeps what it has taken. With a heap for each
 * thread one and the same step grew by three megabytes more or less from run to run, and giving memory back after each
 * step costs a sixth of its time (MobileNet-v2, micro-batches of 2).
 */
const MALLOC = {
  MALLOC_ARENA_MAX: "1",
  // Just above what TensorFlow's pool leaves to malloc: larger blocks are oneDNN's copies of kernels, and go back to the
  // system. Kept in the heap, they save a fifth of the time of small micro-batches of ResNet-50 (faults: 62 of 478 ms of
  // processor time at 8 images), but small buffers break up the gaps that they leave: one and the same step then grew by
  // 330 to 372 MiB instead of 340, too uneven for a hard limit.
  MALLOC_MMAP_THRESHOLD_: String(POOL_THRESHOLD_BYTES + 1024),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 30),
} as const;

/** The GNU C library advises the system to use large pages for what malloc takes (2.35 or newer; others ignore it). */
const LARGE_PAGES = "glibc.malloc.hugetlb=1";

/** Environment of a process that runs TensorFlow: workers and probes run alike, so that one predicts the other. */
export function workerEnvironment(options: WorkerEnvironmentOptions): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...options.environment };
  environment["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
  // Operations run one after the other, as the plan orders them; threads work inside each.
  environment["TF_NUM_INTEROP_THREADS"] = "1";
  if (options.threads !== undefined) environment["TF_NUM_INTRAOP_THREADS"] = String(options.threads);
  if (options.memoryCapBytes !== undefined) environment["TF_MKL_ALLOC_MAX_BYTES"] = String(options.memoryCapBytes);
  for (const [name, value] of Object.entries(MALLOC)) environment[name] ??= value;
  // A small nursery: garbage of the steps' calls would else count as their memory, tens of megabytes of it.
  environment["NODE_OPTIONS"] = [environment["NODE_OPTIONS"], "--max-semi-space-size=1"].filter(Boolean).join(" ");
  // Large pages where the system allows them on request: a step's tensors lie in one region of hundreds of megabytes, of
  // which small pages cost a fault each when first written, and misses in the table of pages at every pass over it.
  environment["GLIBC_TUNABLES"] = [environment["GLIBC_TUNABLES"], LARGE_PAGES].filter(Boolean).join(":");
  environment[OOM_SCORE_VARIABLE] = String(options.oomScoreAdjust ?? 500);
  return environment;
}
