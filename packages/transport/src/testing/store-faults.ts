/** How a `MemoryStateServer` misbehaves. Chances are from 0 to 1 per operation; absent: never. */
export interface StoreFaults {
  /** From 0 up to 1; seeded in a simulation. */
  readonly random: () => number;
  /** Each operation, and each delivery to a watch, takes from 0 to this long. */
  readonly maxDelayMs?: number;
  /** How long a caller waits for an answer that does not come. Default 5 s. */
  readonly timeoutMs?: number;
  /** A read with consistency `any` gives the value before the newest one. */
  readonly staleGet?: number;
  /** A read of the leader does so too: it was replaced, and does not know it yet. */
  readonly staleLeader?: number;
  /** A write is stored, and the answer says "wrong last sequence". Only writes with an expectation. */
  readonly conflictThoughStored?: number;
  /** A write is refused with "wrong last sequence" although its expectation holds (nats-server #7281). */
  readonly conflictThoughRight?: number;
  /** A write is stored, and no answer comes. */
  readonly timeoutThoughStored?: number;
  /** A write is not stored, and no answer comes. */
  readonly timeoutNotStored?: number;
  /** No answer comes, and the write is stored up to `timeoutMs` after the caller gave up. */
  readonly storedAfterTimeout?: number;
  /** A read gets no answer. */
  readonly readTimeout?: number;
  /** A watch delivers a record twice. */
  readonly duplicateDelivery?: number;
}

/** The outcome that the faults choose for one write. */
export type WriteFault =
  | "none"
  | "conflict-though-stored"
  | "conflict-though-right"
  | "timeout-though-stored"
  | "timeout-not-stored"
  | "stored-after-timeout";

/** Draws what happens to a write; one draw per write, so that a seed's story stays the same when chances change. */
export function drawWriteFault(faults: StoreFaults | undefined, hasExpectation: boolean): WriteFault {
  if (faults === undefined) return "none";
  const chances: readonly (readonly [WriteFault, number])[] = [
    ["conflict-though-stored", hasExpectation ? (faults.conflictThoughStored ?? 0) : 0],
    ["conflict-though-right", hasExpectation ? (faults.conflictThoughRight ?? 0) : 0],
    ["timeout-though-stored", faults.timeoutThoughStored ?? 0],
    ["timeout-not-stored", faults.timeoutNotStored ?? 0],
    ["stored-after-timeout", faults.storedAfterTimeout ?? 0],
  ];
  let draw = faults.random();
  for (const [fault, chance] of chances) {
    if (draw < chance) return fault;
    draw -= chance;
  }
  return "none";
}
