import { hasCode } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { systemClock } from "@mpo/io";
import { BUCKETS, type StateStore } from "@mpo/transport";
import { type LoadNotes, noteFailure } from "./outcomes.ts";

/** Few, so that workers meet on them. */
const REGISTERS = ["lab.register-1", "lab.register-2", "lab.register-3"] as const;
const PAUSE_MS = 200;

export interface RegisterWorker extends LoadNotes {
  readonly name: string;
  readonly store: StateStore;
  readonly seed: number;
  /** A write was acknowledged, at this time of the monotonic clock. */
  readonly onStored: (atMs: number) => void;
}

/** Reads, writes, and compares and sets the same few keys as others do, straight in the store, until the signal aborts. */
export async function workOnRegisters(worker: RegisterWorker): Promise<void> {
  const random = createRandom(worker.seed);
  for (let count = 1; !worker.signal.aborted; count++) {
    const key = REGISTERS[random.integer(REGISTERS.length)] as (typeof REGISTERS)[number];
    const revision = await readRegister(worker, key).catch((thrown: unknown) => {
      noteFailure(worker, "read of a register", thrown);
      return undefined;
    });
    if (revision !== undefined && random.uniform() < 0.7) {
      const isSwap = random.uniform() < 0.7;
      await writeRegister(worker, { key, mark: `${worker.name}-${count}`, expected: isSwap ? revision : undefined });
    }
    await systemClock.sleep(2 * PAUSE_MS * random.uniform(), { signal: worker.signal }).catch(() => undefined);
  }
}

/** Reads all of them once. */
export async function readRegisters(worker: RegisterWorker): Promise<void> {
  for (const key of REGISTERS) await readRegister(worker, key);
}

async function readRegister({ store, history, signal }: RegisterWorker, key: string): Promise<number> {
  const madeMs = systemClock.monotonicMs();
  const entry = await store.get(BUCKETS.health, key, { signal, consistency: "confirmed" });
  const times = { madeMs, answeredMs: systemClock.monotonicMs() };
  const text = entry && Buffer.from(entry.value).toString();
  history.of(key).read(times, entry?.revision ?? 0, text === undefined ? undefined : { digest: text, mark: text });
  return entry?.revision ?? 0;
}

async function writeRegister(
  worker: RegisterWorker,
  { key, mark, expected }: { readonly key: string; readonly mark: string; readonly expected: number | undefined },
): Promise<void> {
  const { store, history, onStored, signal } = worker;
  const value = Buffer.from(mark);
  const madeMs = systemClock.monotonicMs();
  try {
    const revision =
      expected === undefined
        ? await store.put(BUCKETS.health, key, value, { signal })
        : expected === 0
          ? await store.create(BUCKETS.health, key, value, { signal })
          : await store.update(BUCKETS.health, key, value, expected, { signal });
    const answeredMs = systemClock.monotonicMs();
    history.of(key).written({ madeMs, answeredMs }, revision, { digest: mark, mark }, expected);
    onStored(answeredMs);
  } catch (thrown) {
    if (hasCode(thrown, "conflict")) history.of(key).refused(mark);
    else noteFailure(worker, "write of a register", thrown);
  }
}
