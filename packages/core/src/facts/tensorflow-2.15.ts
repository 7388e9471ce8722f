/**
 * What is so of TensorFlow 2.15 (its CPU build with oneDNN) and not of this program: of another version or another kind of
 * machine, measure it again. Values were seen on x86_64 (AMD EPYC, Intel Xeon) with TensorFlow 2.15.1, glibc 2.36 and pages
 * of 2 MiB on request, over ResNet-20, ResNet-50, MobileNet-v2 and DenseNet-121.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

// --- The allocator's pool: constants of its source (tsl/framework/bfc_allocator, core/common_runtime/mkl_cpu_allocator.h).

/** Requests are rounded up to this, and regions taken in multiples of it (kMinAllocationSize). */
export const POOL_ALIGNMENT_BYTES = 256;
/** Smaller requests do not go to the pool but to malloc (kSmallAllocationsThreshold). */
export const POOL_THRESHOLD_BYTES: number = 256 * KIB;
/** A chunk less than twice the request is handed out whole, unless this much would be wasted. */
export const POOL_MOST_WASTED_BYTES: number = 128 * MIB;

// --- How a process's memory follows from a plan. Measure again: `mpo bench memory` for the plan, `mpo bench emulation` for
// small steps and for steps whose pool ends at their bound.

/**
 * Steps with one sample that make a process warm. The first one leaves the pool with other gaps than it found, and a
 * second one may grow by another 24 MiB (ResNet-50); from then on it stays.
 */
export const WARM_UP_STEPS = 2;
/** Mean growth for each kernel that oneDNN compiles for a new shape: between that of ResNet-20 and of MobileNet-v2. */
export const COMPILED_KERNEL_BYTES: number = 12 * KIB;
/**
 * Scatter of what steps take about the law (median error over 0.67): bytes of the heap, and a share of the pool. Where
 * other programs take most of the processor, small steps vary by three times as much.
 */
export const GROWTH_SCATTER: { readonly bytes: number; readonly share: number } = { bytes: MIB, share: 0.01 };
/**
 * Root mean square of the same errors, in that unit: a heap grows by whole pages of 2 MiB, so a few are far off. A probe
 * shows how it is on its own device; this counts where few measurements were made.
 */
export const GROWTH_DEVIATION = 1.4;
/**
 * One deviation of a device's law from the plan: of the pool's part, of what it adds to every step, of the small buffers
 * that find no room in the heap (ResNet-20: twice what is planned with BatchNorm, a quarter with GroupNorm, whose loading
 * leaves room), and of the kernels (MobileNet-v2: 2.3 times what is planned, with AVX-512).
 */
export const PLAN_DEVIATION: {
  readonly pool: number;
  readonly bytes: number;
  readonly heap: number;
  readonly kernels: number;
} = { pool: 0.05, bytes: 1.5 * MIB, heap: 0.7, kernels: 1 };
/**
 * What a pool that ends early needs beyond the plan's walk: buffers are taken in an order that is a little different, and
 * gaps are then others. MobileNet-v2 needed up to half a megabyte more, ResNet-50 1.5 %, ResNet-20 in equal segments 5 %.
 */
export const POOL_SPARE: { readonly bytes: number; readonly share: number } = { bytes: MIB, share: 0.06 };
/** The same where one process meets many micro-batches in turn: as a factor, its pool being left in pieces. */
export const MIXED_POOL_FACTOR = 1.5;
/** Address space with which a pool never meets its end, where it would fit worse than planned: multiple of need, and bytes. */
export const POOL_RESERVE: { readonly factor: number; readonly bytes: number } = { factor: 3, bytes: 256 * MIB };

// --- What a process may take outside the pool. Measure again: RssAnon in /proc/PID/status of the worker of
// `mpo bench step --model resnet50 --form imagenet --image-size 224`, at its start, while it loads, and when it runs.

/** Loading a model: its graph, executors and kernels, of which large models have most; 447 MiB for ResNet-50. */
export const LOADING_BYTES: number = 512 * MIB;
/** A model that is loaded: small buffers, garbage of JavaScript. */
export const OUTSIDE_POOL_BYTES: number = 128 * MIB;
