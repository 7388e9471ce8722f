import { keySubject } from "./store-layout.ts";

/** The first part of the store's own keys, in every bucket. They are neither watched nor listed. */
const FENCE_PREFIX = "_fence";

/** A key that one undecided write has for itself. */
export interface FenceSlot {
  /** Key, below its bucket. */
  readonly key: string;
  /** Gives it to others. Only when nothing that was sent to it can still be on its way. */
  release(): void;
}

/**
 * Keys for fences (see `resolveCompareAndSet`), reused, so that a store that runs for years leaves as many as it ever
 * needed at one moment.
 */
export class FenceSlots {
  readonly #owner: string;
  readonly #free: number[] = [];
  #made = 0;

  /** `owner`: a name that no other store has. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  take(): FenceSlot {
    const number = this.#free.pop() ?? ++this.#made;
    return {
      key: `${FENCE_PREFIX}.${this.#owner}.${number}`,
      release: () => {
        this.#free.push(number);
      },
    };
  }
}

/** The subject of a store's own where its reads are confirmed: what lies there says nothing. */
export function readFenceSubject(bucket: string, owner: string): string {
  return keySubject(bucket, `${FENCE_PREFIX}.${owner}.read`);
}

export function fenceSubject(bucket: string, slot: FenceSlot): string {
  return keySubject(bucket, slot.key);
}

export function isFenceKey(key: string): boolean {
  return key === FENCE_PREFIX || key.startsWith(`${FENCE_PREFIX}.`);
}
