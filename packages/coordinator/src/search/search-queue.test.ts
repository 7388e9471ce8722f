import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { identityOf } from "../testing/tiny-fleet.ts";
import { SearchQueue, type Worker } from "./search-queue.ts";

const DEVICES: readonly string[] = ["pi-0", "pi-1", "pi-2", "pi-3", "pi-4", "pi-5", "pi-6"];

/** Runs `use` while two coordinators work through the queue of one store. */
async function withQueues(worker: Worker, use: (queues: readonly SearchQueue[]) => Promise<void>): Promise<void> {
  const server = new MemoryStateServer({ layout: FLEET_LAYOUT });
  const ends = new AbortController();
  const { signal } = ends;
  const queues = ["left", "right"].map((name) => {
    const context = { store: server.connect(), clock: systemClock, random: Math.random, logger: silentLogger };
    return new SearchQueue(context, { name });
  });
  const running = queues.flatMap((queue) => [
    queue.run(worker, signal),
    ...queue.watches.map((watch) => watch.run(signal)),
  ]);
  try {
    await use(queues);
  } finally {
    ends.abort();
    await Promise.allSettled(running);
  }
}

void describe("SearchQueue", () => {
  void it("does each search once, a few at a time, whichever coordinator was asked", async () => {
    const done: string[] = [];
    let [running, most] = [0, 0];
    const worker: Worker = async ({ identity }) => {
      running += 1;
      most = Math.max(most, running);
      await systemClock.sleep(20);
      running -= 1;
      done.push(identity.device);
    };
    await withQueues(worker, async (queues) => {
      const asked = DEVICES.map(async (device, index) => {
        const work = { request: "report r1", actor: "test" };
        await queues[index % 2]?.ask({ identity: identityOf(device), model: "tiny" }, work);
      });
      await Promise.all(asked);
      while (queues.some(({ size }) => size > 0)) await systemClock.sleep(5);
    });
    assert.deepEqual([...done].sort(), DEVICES);
    assert.ok(most > 1 && most <= 8, String(most));
  });

  void it("answers a newer request for a model whose search is under way", async () => {
    const done: string[] = [];
    const worker: Worker = async (_, { request }) => {
      await systemClock.sleep(20);
      done.push(request);
    };
    await withQueues(worker, async ([queue]) => {
      const name = { identity: identityOf("pi-0"), model: "tiny" };
      await queue?.ask(name, { request: "first", actor: "test" });
      await systemClock.sleep(5);
      await queue?.ask(name, { request: "second", actor: "test" });
      while (!done.includes("second")) await systemClock.sleep(5);
    });
    assert.equal(done.filter((request) => request === "second").length, 1);
  });
});
