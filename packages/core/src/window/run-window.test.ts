import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Prediction } from "../facts/index.ts";
import { MpoError, type MpoErrorCode } from "../facts/index.ts";
import { ladder } from "../test-support/ladder.ts";
import { endOfWindow, runWindow, type Window, type WindowRun } from "./run-window.ts";

const RUNGS = ladder(100, 200, 300);
const indexOf = (rung: Prediction): number => RUNGS.indexOf(rung);

/** A window in which each try takes `tryMs` and ends with the next of `ends`: a code of an error, or well. */
async function run(
  ends: readonly (MpoErrorCode | "well")[],
  { free = 1_000, tryMs = 10_000, signal = new AbortController().signal, ...window }: Partial<Window> & RunOptions = {},
): Promise<WindowRun<number> & { readonly limits: readonly (readonly [number, number])[] }> {
  let nowMs = 0;
  const limits: (readonly [number, number])[] = [];
  const ports = {
    clock: { now: () => 5_000 + nowMs, monotonicMs: () => nowMs },
    freeBytes: async () => free,
    train: async (rung: Prediction, { memoryBytes, maxMs }: { memoryBytes: number; maxMs: number }) => {
      const end = ends[limits.length];
      limits.push([memoryBytes, maxMs]);
      nowMs += tryMs;
      if (end === undefined) throw new Error("one try too many");
      if (end !== "well") throw new MpoError(end, end);
      return indexOf(rung);
    },
  };
  return { ...(await runWindow({ rungs: RUNGS, windowMs: 60_000, ...window }, ports, signal)), limits };
}

interface RunOptions {
  readonly free?: number;
  readonly tryMs?: number;
  readonly signal?: AbortSignal;
}

describe("a window", () => {
  const cases = [
    ["runs the best rung", ["well"], {}, [2]],
    ["never passes the chosen one", ["well"], { chosenRung: 1 }, [1]],
    ["takes what fits the free memory", ["well"], { free: 250 }, [1]],
    ["goes one down at the cap", ["over-memory-cap", "well"], {}, [2, 1]],
    ["goes one down when the worker was killed", ["worker-killed", "over-memory-cap", "well"], {}, [2, 1, 0]],
    ["ends when none is left", ["over-memory-cap", "over-memory-cap", "over-memory-cap"], {}, [2, 1, 0]],
    ["ends at any other failure", ["worker-crashed"], {}, [2]],
    ["ends when it is cancelled", ["cancelled"], {}, [2]],
    ["ends when the time is over", ["over-memory-cap"], { tryMs: 59_500 }, [2]],
    ["does nothing when nothing fits", [], { free: 99 }, []],
    ["does nothing when it was aborted before", [], { signal: AbortSignal.abort() }, []],
  ] as const;
  for (const [what, ends, options, tried] of cases) {
    it(what, async () => {
      const { tries } = await run(ends, options);
      assert.deepEqual(
        tries.map(({ rung }) => indexOf(rung)),
        tried,
      );
    });
  }

  it("holds each try to its rung's own bound and to what is left of the time", async () => {
    const { limits, tries } = await run(["over-memory-cap", "well"]);
    assert.deepEqual(limits, [
      [300, 60_000],
      [200, 50_000],
    ]);
    assert.deepEqual(
      tries.map(({ openedAtMs, durationMs }) => [openedAtMs, durationMs]),
      [
        [5_000, 10_000],
        [15_000, 10_000],
      ],
    );
  });

  it("marks what was out of memory, and passes over what was marked before", async () => {
    const first = await run(["over-memory-cap", "worker-crashed"]);
    assert.equal(Object.keys(first.infeasible).length, 1);
    const second = await run(["well"], { infeasible: first.infeasible });
    assert.deepEqual(endOfWindow(second), { rung: RUNGS[1], result: 1 });
    assert.equal(second.infeasible, first.infeasible);
    const roomier = await run(["well"], { infeasible: first.infeasible, free: 1_101 });
    assert.equal(endOfWindow(roomier).result, 2);
  });

  it("ends with what its last try gave or threw", async () => {
    assert.throws(() => endOfWindow({ tries: [], infeasible: {} }), { code: "over-budget" });
    const failed = await run(["over-memory-cap", "worker-crashed"]);
    assert.throws(() => endOfWindow(failed), { code: "worker-crashed" });
  });
});
