import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import { NatsNotifyBus } from "../nats/nats-notify-bus.ts";
import { MemoryNotifyHub } from "../testing/memory-notify-bus.ts";
import { openLink, skip, startServer } from "../testing/nats-room.ts";
import { bytes, text } from "../testing/state-store-contract.ts";
import type { Notification, NotifyBus } from "./notify-bus.ts";

type MakeBuses = (t: TestContext) => Promise<{
  readonly one: NotifyBus;
  readonly two: NotifyBus;
  /** Breaks the connections, and waits until they are there again. */
  interrupt(): Promise<void>;
}>;

function testBus(name: string, make: MakeBuses, isSkipped: string | false): void {
  void test(`${name}: messages come to those who listen, in order, until they stop`, { skip: isSkipped }, async (t) => {
    const { one, two } = await make(t);
    const ends = new AbortController();
    const all = await two.subscribe("a.>", { signal: ends.signal });
    const some = await one.subscribe("a.*.x", { signal: ends.signal });
    one.publish("b.1", bytes("not heard"));
    for (const [subject, value] of [
      ["a.1.x", "1"],
      ["a.1", "2"],
      ["a.2.x", "3"],
    ] as const)
      one.publish(subject, bytes(value));
    assert.deepEqual(await take(all, 3), ["a.1.x 1", "a.1 2", "a.2.x 3"]);
    assert.deepEqual(await take(some, 2), ["a.1.x 1", "a.2.x 3"]);
    const last = await two.subscribe("a.>", { signal: ends.signal });
    ends.abort();
    assert.deepEqual(await take(last, 1), []);
    await two.close();
    assert.throws(() => two.publish("a.1", bytes("x")), { code: "unavailable" });
    await assert.rejects(two.subscribe("a.1", { signal: new AbortController().signal }), { code: "unavailable" });
  });

  void test(`${name}: a lost connection and a slow reader are told as gaps`, { skip: isSkipped }, async (t) => {
    const { one, two, interrupt } = await make(t);
    const ends = new AbortController();
    t.after(() => ends.abort());
    const heard = await two.subscribe("a", { signal: ends.signal });
    await interrupt();
    one.publish("a", bytes("after"));
    assert.deepEqual(await take(heard, 2), ["gap", "a after"]);
    const slow = await two.subscribe("s", { signal: ends.signal });
    for (let index = 1; index <= 1500; index++) one.publish("s", bytes(String(index)));
    const marker = await two.subscribe("end", { signal: ends.signal });
    one.publish("end", bytes("!"));
    await take(marker, 1);
    const [first, second] = await take(slow, 2);
    assert.deepEqual([first, second], ["gap", "s 1025"]);
  });
}

testBus(
  "memory bus",
  () => {
    const hub = new MemoryNotifyHub();
    const interrupt = (): Promise<void> => Promise.resolve(hub.disconnectAll());
    return Promise.resolve({ one: hub.connect(), two: hub.connect(), interrupt });
  },
  false,
);

testBus(
  "NATS bus",
  async (t) => {
    const server = await startServer(t, { random: () => 0 });
    const links = [await openLink(t, server.address.url), await openLink(t, server.address.url)] as const;
    const interrupt = async (): Promise<void> => {
      let left = links.length;
      for (const link of links) link.onReconnect(() => left--);
      process.kill(server.pid, "SIGKILL");
      while (left > 0) await systemClock.sleep(20);
      for (const link of links) await link.connection.flush();
    };
    return { one: new NatsNotifyBus(links[0]), two: new NatsNotifyBus(links[1]), interrupt };
  },
  skip,
);

void test("faults lose, double and reorder messages, the same way for a seed", async () => {
  const story = async (): Promise<readonly string[]> => {
    const clock = new VirtualClock();
    let state = 1;
    const random = (): number => {
      state = (state * 16_807) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const hub = new MemoryNotifyHub({ clock, faults: { random, lose: 0.2, duplicate: 0.2, maxDelayMs: 100 } });
    const bus = hub.connect();
    const ends = new AbortController();
    const heard = await bus.subscribe("a", { signal: ends.signal });
    const got: string[] = [];
    const reading = (async (): Promise<void> => {
      for await (const each of heard) got.push(shown(each));
    })();
    for (let index = 0; index < 50; index++) bus.publish("a", bytes(String(index)));
    await clock.advance(200);
    ends.abort();
    await reading;
    return got;
  };
  const got = await story();
  assert.deepEqual(await story(), got);
  const unique = new Set(got);
  assert.ok(unique.size < 50 && unique.size > 25 && got.length > unique.size);
  assert.notDeepEqual(
    got,
    got.toSorted((left, right) => Number(left.slice(2)) - Number(right.slice(2))),
  );
});

async function take(from: AsyncIterable<Notification>, count: number): Promise<readonly string[]> {
  const got: string[] = [];
  for await (const each of from) {
    got.push(shown(each));
    if (got.length === count) break;
  }
  return got;
}

function shown(each: Notification): string {
  return each.kind === "gap" ? "gap" : `${each.subject} ${text(each.data)}`;
}
