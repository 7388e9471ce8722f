import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import type { StateStore, StoreReplicas } from "@mpo/transport";
import { ReplicaWatch } from "./watch-replicas.ts";

const WRONG = [{ stream: "audit", server: "n2", sequence: 7, isCertain: true }] as const;

describe("the watch over a cluster's copies", () => {
  it("says what differs, keeps it while a server is away, and forgets it when all are the same", async () => {
    const servers = ["n1", "n2", "n3"];
    const answers: (StoreReplicas | Error)[] = [
      { servers, away: [], differences: WRONG },
      { servers, away: ["n2"], differences: [] },
      new Error("no answer"),
      { servers, away: [], differences: [] },
    ];
    let asked = 0;
    const store = {
      replicas: async () => {
        const answer = answers[asked++];
        if (answer === undefined || answer instanceof Error) throw answer;
        return await Promise.resolve(answer);
      },
    } as unknown as StateStore;
    const clock = new VirtualClock();
    const ends = new AbortController();
    const watch = new ReplicaWatch({ store, clock, logger: silentLogger });
    const running = watch.run(ends.signal);
    const seen: number[] = [];
    for (const minutes of [1, 10, 1, 1]) {
      await clock.advance(minutes * 60_000);
      seen.push(watch.differing.length);
    }
    assert.deepEqual([asked, seen], [4, [1, 1, 1, 0]]);
    ends.abort();
    await running;
  });

  it("does nothing over a store with one copy", async () => {
    const options = { store: {} as StateStore, clock: new VirtualClock(), logger: silentLogger };
    await new ReplicaWatch(options).run(new AbortController().signal);
  });
});
