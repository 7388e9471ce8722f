import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Batches } from "./batches.ts";

void describe("batches", () => {
  void it("do together what comes while one is under way, and answer each", async () => {
    const batches: string[][] = [];
    const work = new Batches<number, number>(3, async (key, items) => {
      batches.push([key, ...items.map(String)]);
      await new Promise((resolve) => setImmediate(resolve));
      return items.map((item) => (item === 4 ? { thrown: new Error("not this one") } : { value: 10 * item }));
    });
    const results = await Promise.allSettled([...[1, 2, 3, 4, 5].map((item) => work.do("a", item)), work.do("b", 6)]);
    assert.deepEqual(
      results.map((one) => (one.status === "fulfilled" ? one.value : String(one.reason))),
      [10, 20, 30, "Error: not this one", 50, 60],
    );
    assert.deepEqual(batches, [
      ["a", "1"],
      ["b", "6"],
      ["a", "2", "3", "4"],
      ["a", "5"],
    ]);
    assert.equal(await work.do("a", 7), 70);
  });

  void it("fail together when the work fails", async () => {
    const work = new Batches<number, number>(3, () => Promise.reject(new Error("no store")));
    await assert.rejects(work.do("a", 1), /no store/u);
    await assert.rejects(work.do("a", 2), /no store/u);
  });
});
