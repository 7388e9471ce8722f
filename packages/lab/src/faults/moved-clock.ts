import { readFileSync } from "node:fs";

const LOOK_MS = 100;
const RealDate = Date;

/**
 * Makes this process's wall clock differ by the milliseconds that a file names, from whenever it names them; no file:
 * none. Every user of `Date` sees it, as when a machine's clock is set. Returns by how much it is moved now.
 */
export function followClockFile(file: string): () => number {
  let movedMs = 0;
  let lookedMs = 0;
  const moved = (): number => {
    const nowMs = performance.now();
    if (nowMs - lookedMs > LOOK_MS) {
      lookedMs = nowMs;
      movedMs = read(file);
    }
    return movedMs;
  };
  class MovedDate extends RealDate {
    constructor(...given: readonly unknown[]) {
      super(...((given.length === 0 ? [MovedDate.now()] : given) as [number]));
    }

    static override now(): number {
      return RealDate.now() + moved();
    }
  }
  globalThis.Date = MovedDate as DateConstructor;
  return moved;
}

function read(file: string): number {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}
