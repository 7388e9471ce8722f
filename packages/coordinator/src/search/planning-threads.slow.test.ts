import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { MIB, MpoError, NOTHING_FROZEN } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { chainCodec } from "@mpo/protocol";
import fc from "fast-check";
import { tinyChain, tinyProfile } from "../testing/tiny-chain.ts";
import { PlanningHere, type PlanningTask } from "./planning.ts";
import { PlanningThreads, type PlanningThreadsOptions } from "./planning-threads.ts";

function threadsOf(context: TestContext, options: PlanningThreadsOptions = {}): PlanningThreads {
  const threads = new PlanningThreads(options);
  context.after(() => threads.close());
  return threads;
}

function taskOf({ units = 6, speed = 1, memoryBytes = 10 * MIB, windowMs = 60_000 } = {}): PlanningTask {
  const chain = tinyChain(units);
  return {
    source: {
      ...{ key: `${units} ${speed}`, profile: tinyProfile("pi-1", { speed, chain }), prior: undefined },
      ...{ chainDigest: String(units), chain: chainCodec.toBytes(chain) },
    },
    request: { budget: { memoryBytes, windowMs }, objective: "accuracy", overheadMs: 100 },
  };
}

/** A thread's program. */
async function entryOf(context: TestContext, program: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-threads-"));
  context.after(() => rm(folder, { recursive: true }));
  const entry = join(folder, "entry.mjs");
  await writeFile(entry, `import { parentPort, threadId } from "node:worker_threads";\n${program}`);
  return entry;
}

const ANSWERS = `parentPort.on("message", ({ task }) =>
  setTimeout(() => parentPort.postMessage({ planned: { answer: threadId, ms: 1 } }), task.request.overheadMs));`;

describe("searches in threads", () => {
  it("find what the asking thread finds, and throw what it throws", async (context) => {
    const threads = threadsOf(context, { threads: 2 });
    const here = new PlanningHere(systemClock);
    const arbitrary = fc.record({
      units: fc.integer({ min: 2, max: 8 }),
      speed: fc.constantFrom(0.5, 1, 4),
      memoryBytes: fc.integer({ min: 1, max: 20_000_000 }),
      windowMs: fc.integer({ min: 1, max: 100_000 }),
      objective: fc.constantFrom("accuracy", "memory", "time"),
      kind: fc.constantFrom("ladder", "tried"),
      microBatch: fc.constantFrom(undefined, 1, 8, 32),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrary, { minLength: 1, maxLength: 6 }), async (wishes) => {
        const found = wishes.map(async ({ objective, kind, microBatch, ...wish }) => {
          const checkpoints = { kind: "none" } as const;
          const config = microBatch && {
            microBatch,
            accumulation: 32 / microBatch,
            freezing: NOTHING_FROZEN,
            checkpoints,
          };
          const plain = taskOf(wish);
          const task = {
            ...plain,
            request: { ...plain.request, objective },
            ...(config ? { config } : {}),
          } as PlanningTask;
          const [there, own] = await Promise.allSettled([threads.run(kind, task), here.run(kind, task)]);
          assert.deepEqual(outcomeOf(there), outcomeOf(own));
        });
        await Promise.all(found);
      }),
      { numRuns: 40 },
    );
  });

  it("answer a search that is given up at once, and do not begin one that waits", async (context) => {
    const threads = threadsOf(context, { threads: 1, maxWaiting: 2, entry: await entryOf(context, ANSWERS) });
    const slow = { ...taskOf(), request: { ...taskOf().request, overheadMs: 200 } };
    const ends = new AbortController();
    const given = [threads.run("ladder", slow, ends), threads.run("ladder", slow, ends)];
    const other = threads.run("ladder", taskOf());
    await assert.rejects(threads.run("ladder", taskOf()), { code: "unavailable" });
    ends.abort();
    for (const one of given) await assert.rejects(one, (thrown) => MpoError.from(thrown).code === "cancelled");
    const first = (await other).answer as unknown;
    assert.equal((await threads.run("ladder", taskOf())).answer as unknown, first, "the same thread");
  });

  it("do the work of a thread that died in another, once", async (context) => {
    const dies = `parentPort.on("message", ({ kind }) => {
      if (kind === "tried") throw new Error("too much");
      process.exit(3);
    });`;
    const threads = threadsOf(context, { threads: 1, entry: await entryOf(context, dies) });
    const [tried, ladder] = await Promise.allSettled([threads.run("tried", taskOf()), threads.run("ladder", taskOf())]);
    assert.match(JSON.stringify(outcomeOf(tried)), /worker-crashed.*died: too much/u);
    assert.match(JSON.stringify(outcomeOf(ladder)), /worker-crashed.*ended with code 3/u);
    const once = `if (threadId % 2 === 0) parentPort.on("message", () => process.exit(0)); else ${ANSWERS}`;
    const again = threadsOf(context, { threads: 1, entry: await entryOf(context, once) });
    assert.equal((await again.run("ladder", taskOf())).ms, 1);
  });

  it("end with their coordinator, and hold no process open", async () => {
    const threads = new PlanningThreads({ threads: 2 });
    const running = Promise.allSettled([1, 2, 3].map(() => threads.run("ladder", taskOf())));
    await threads.close();
    for (const one of await running) assert.match(JSON.stringify(outcomeOf(one)), /cancelled/u);
    await assert.rejects(threads.run("ladder", taskOf()), { code: "cancelled" });
  });
});

function outcomeOf(settled: PromiseSettledResult<{ readonly answer: unknown }>): unknown {
  if (settled.status === "fulfilled") return settled.value.answer;
  const { code, message, hint } = MpoError.from(settled.reason);
  return { code, message, hint };
}
