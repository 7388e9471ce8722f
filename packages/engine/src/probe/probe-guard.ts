import { readFile } from "node:fs/promises";
import { formatBytes, given, MpoError } from "@mpo/core";
import { onAbort } from "@mpo/io";
import type { AvailableMemoryReader, ProbeBudget, ProbeOptions } from "./probe-task.ts";

/** MemAvailable of Linux. Throws `unsupported` elsewhere. */
export const readAvailableMemory: AvailableMemoryReader = async () => {
  const text = await readFile("/proc/meminfo", "utf8").catch((cause: unknown) => {
    throw new MpoError("unsupported", "free memory cannot be read from /proc/meminfo", { cause });
  });
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/mu.exec(text)?.[1];
  if (kibibytes === undefined) throw new MpoError("unsupported", "/proc/meminfo has no MemAvailable");
  return Number(kibibytes) * 1024;
};

const INTERVAL_MS = 200;
const LEAST_AVAILABLE_BYTES = 256 * 2 ** 20;

interface GuardOptions {
  readonly signal?: AbortSignal;
  readonly maxMs: number;
  readonly leastAvailableBytes: number;
  readonly availableBytes: AvailableMemoryReader;
}

/**
 * A signal that aborts when `signal` does, when the time is over (`timed-out`), or when the system's free memory falls
 * below a floor (`over-budget`). Dispose of it: it looks at the memory every 200 ms.
 */
export class ProbeGuard implements Disposable {
  readonly #options: GuardOptions;
  readonly #controller = new AbortController();
  readonly #listening: Disposable;
  readonly #deadline: NodeJS.Timeout;
  readonly #interval: NodeJS.Timeout;
  #isReading = false;

  /** The guard of a probe. Throws `invalid-argument` for no time. */
  static of(budget: ProbeBudget, options: ProbeOptions): ProbeGuard {
    const { maxMs, leastAvailableBytes = LEAST_AVAILABLE_BYTES } = budget;
    if (!(maxMs > 0)) {
      throw new MpoError("invalid-argument", `the probe's time is ${maxMs} ms; expected more than 0`);
    }
    const { signal, availableBytes = readAvailableMemory } = options;
    return new ProbeGuard({ ...given({ signal }), maxMs, leastAvailableBytes, availableBytes });
  }

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#listening = onAbort(options.signal, () => {
      this.#controller.abort(new MpoError("cancelled", "the probe was cancelled", { cause: options.signal?.reason }));
    });
    this.#deadline = setTimeout(() => {
      this.#controller.abort(new MpoError("timed-out", `the probe took longer than ${options.maxMs} ms`));
    }, options.maxMs);
    this.#interval = setInterval(() => void this.check(), INTERVAL_MS);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it aborted, as the error to throw; undefined: it did not. */
  get reason(): MpoError | undefined {
    return this.#controller.signal.aborted ? MpoError.from(this.#controller.signal.reason) : undefined;
  }

  /** Looks at the memory now. */
  async check(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const { availableBytes, leastAvailableBytes: leastBytes } = this.#options;
      const available = await availableBytes();
      if (available >= leastBytes) return;
      const text = `free memory fell to ${formatBytes(available)}; at least ${formatBytes(leastBytes)} must stay free`;
      this.#controller.abort(new MpoError("over-budget", text, { hint: "Probe again when the device is idle." }));
    } catch (error) {
      this.#controller.abort(MpoError.from(error));
    } finally {
      this.#isReading = false;
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#deadline);
    clearInterval(this.#interval);
    this.#listening[Symbol.dispose]();
  }
}
