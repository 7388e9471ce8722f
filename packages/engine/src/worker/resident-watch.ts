import { readFileSync } from "node:fs";

/** How often the process is looked at: in this time it can touch about 100 MiB more. */
const INTERVAL_MS = 50;

export interface ResidentWatchOptions {
  readonly pid: number;
  /** How much more than now the process may hold, in addition to what is granted. */
  readonly allowanceBytes: number;
  /** Called once, with what the process has grown by and what it may. */
  readonly onOver: (grownBytes: number, allowedBytes: number) => void;
}

/**
 * Watches the memory that a child process holds for itself, from outside and whatever allocates it: TensorFlow's limit is
 * one of its pool, which not every build uses, and says nothing about malloc or JavaScript. Dispose of it with the process.
 */
export class ResidentWatch implements Disposable {
  readonly #options: ResidentWatchOptions;
  #baseBytes: number;
  #allowanceBytes: number;
  readonly #granted = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: ResidentWatchOptions) {
    this.#options = options;
    this.#baseBytes = readPrivateBytes(options.pid) ?? 0;
    this.#allowanceBytes = options.allowanceBytes;
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS);
  }

  /** From now on the process may hold so much more than now. */
  rebase(allowanceBytes: number): void {
    this.#baseBytes = readPrivateBytes(this.#options.pid) ?? this.#baseBytes;
    this.#allowanceBytes = allowanceBytes;
  }

  /** Allows so much more for something that the process is sent; a second grant under a name replaces the first. */
  grant(name: string, bytes: number): void {
    this.#granted.set(name, bytes);
  }

  #look(): void {
    const heldBytes = readPrivateBytes(this.#options.pid);
    if (heldBytes === undefined) return;
    const grownBytes = heldBytes - this.#baseBytes;
    const allowedBytes = [...this.#granted.values()].reduce((sum, bytes) => sum + bytes, this.#allowanceBytes);
    if (grownBytes <= allowedBytes) return;
    this[Symbol.dispose]();
    this.#options.onOver(grownBytes, allowedBytes);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * Resident memory of a process without the files that it maps (its libraries), bytes. Undefined when the process is gone,
 * or where the kernel does not report it. In kibibytes from `status`: `statm` counts pages, whose size differs by machine.
 */
function readPrivateBytes(pid: number): number | undefined {
  try {
    const kibibytes = /^RssAnon:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
