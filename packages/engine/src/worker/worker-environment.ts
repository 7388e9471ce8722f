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

/** The largest block that glibc can be told to take from its heap (DEFAULT_MMAP_THRESHOLD_MAX). */
const LARGEST_HEAP_BLOCK_BYTES = 32 * 2 ** 20;

/**
 * How glibc's malloc serves what lies outside TensorFlow's pool (mallopt(3)): from one heap, which keeps what it has taken.
 * With a heap for each thread one and the same step grew by three megabytes more or less from run to run. Giving memory
 * back costs time: oneDNN reorders kernels in buffers of its own, and where each was mapped from the system anew, faults
 * took a quarter of a micro-batch of one image (ResNet-50: 46 of 146 ms of CPU time).
 */
const MALLOC = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: String(LARGEST_HEAP_BLOCK_BYTES),
  // More than this at the heap's end is not the steps': it was taken to load the weights, and goes back to the system.
  MALLOC_TRIM_THRESHOLD_: String(LARGEST_HEAP_BLOCK_BYTES),
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
