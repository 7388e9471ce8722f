import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import type { FleetEvent } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { eventually, freshServer } from "../testing/tiny-fleet.ts";
import { Audit, type EventFilter } from "./audit.ts";

const START_MS = 1_700_000_000_000;
const COUNT = 95;
const EVERY_MS = 1000;

/** Events of two devices in turn, a second apart; few of them are in memory. */
async function withEvents(t: TestContext): Promise<Audit> {
  const clock = new VirtualClock(START_MS);
  const context = { store: freshServer().connect(), clock, random: () => 0, logger: silentLogger };
  let ids = 0;
  const newId = (): string => `writer-${++ids}`;
  const writer = new Audit(context, { newId });
  for (let number = 1; number <= COUNT; number++) {
    const identity = { tenant: "acme", device: number % 2 === 1 ? "odd" : "even" };
    await writer.write({ kind: "probe-failed", identity, actor: "test", message: String(number) });
    await clock.advance(EVERY_MS);
  }
  const audit = new Audit(context, { newId, maxRecent: 10, maxScanned: 7 });
  const ends = new AbortController();
  const running = audit.run(ends.signal);
  t.after(async () => {
    ends.abort();
    await running;
  });
  const newest = { beforeSequence: 0, limit: 1 };
  await eventually(async () => (await audit.list({ tenant: "acme" }, newest))[0]?.sequence === COUNT || undefined);
  return audit;
}

const numbersOf = (events: readonly FleetEvent[]): readonly number[] => events.map(({ message }) => Number(message));

const from = (first: number, last: number, step = 1): readonly number[] =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);

async function oldestFirst(audit: Audit, filter: EventFilter): Promise<readonly number[]> {
  const found: FleetEvent[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page: Awaited<ReturnType<Audit["listAfter"]>> = await audit.listAfter(filter, {
      afterSequence: after,
      limit: 4,
    });
    found.push(...page.events);
    after = page.nextAfterSequence;
  }
  return numbersOf(found);
}

void describe("events of a fleet", () => {
  void it("are listed newest first to any depth", async (t) => {
    const audit = await withEvents(t);
    const found: number[] = [];
    for (let beforeSequence = 0; ; ) {
      const events = await audit.list({ tenant: "acme" }, { beforeSequence, limit: 9 });
      found.push(...numbersOf(events));
      beforeSequence = events.at(-1)?.sequence ?? 1;
      if (beforeSequence === 1) break;
    }
    assert.deepEqual(found.toReversed(), from(1, COUNT));
    const odd = await audit.list({ tenant: "acme", device: "odd" }, { beforeSequence: 0, limit: 1000 });
    assert.deepEqual(numbersOf(odd).toReversed(), from(1, COUNT, 2));
  });

  void it("are listed oldest first, by device and by time", async (t) => {
    const audit = await withEvents(t);
    const at = (number: number): number => START_MS + (number - 1) * EVERY_MS;
    const tenant = "acme";
    assert.deepEqual(await oldestFirst(audit, { tenant }), from(1, COUNT));
    assert.deepEqual(await oldestFirst(audit, { tenant, device: "even" }), from(2, COUNT, 2));
    assert.deepEqual(await oldestFirst(audit, { tenant, sinceMs: at(90) }), from(90, COUNT));
    assert.deepEqual(await oldestFirst(audit, { tenant, sinceMs: at(20), untilMs: at(80) }), from(20, 79));
    assert.deepEqual(await oldestFirst(audit, { tenant: "other" }), []);
  });
});
