import assert from "node:assert/strict";
import { it, mock } from "node:test";
import type { FleetEvent } from "@mpo/protocol";
import { followEvents, liveState, onEvent, onResync } from "./live.ts";

/** A stream that a test speaks through. */
class FakeSource extends EventTarget {
  static readonly opened: FakeSource[] = [];
  readonly url: string;
  isClosed = false;
  onmessage: ((message: MessageEvent) => void) | undefined;
  onerror: (() => void) | undefined;

  constructor(url: string) {
    super();
    this.url = url;
    FakeSource.opened.push(this);
  }

  close(): void {
    this.isClosed = true;
  }

  ready(sequence: number, isResumed: boolean): void {
    this.dispatchEvent(new MessageEvent("ready", { data: JSON.stringify({ sequence, isResumed }) }));
  }

  say(sequence: number): void {
    this.onmessage?.(
      new MessageEvent("message", { data: JSON.stringify({ sequence }), lastEventId: String(sequence) }),
    );
  }
}

it("events come once each, also over a lost connection", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  Object.assign(globalThis, { EventSource: FakeSource });
  const seen: number[] = [];
  let resyncs = 0;
  const offs = [
    onEvent(({ sequence }: FleetEvent) => seen.push(sequence)),
    onResync(() => {
      resyncs += 1;
    }),
  ];
  const end = followEvents("acme", () => Promise.resolve(true));
  const [first] = FakeSource.opened as [FakeSource];
  assert.equal(first.url, "/api/v1/events?tenant=acme");
  first.ready(4, false);
  assert.deepEqual([liveState.value, resyncs], ["live", 1]);
  first.say(5);
  first.say(6);
  first.onerror?.();
  assert.deepEqual([liveState.value, first.isClosed], ["lost", true]);
  mock.timers.tick(2_000);
  await Promise.resolve();
  const second = FakeSource.opened[1] as FakeSource;
  assert.equal(second.url, "/api/v1/events?tenant=acme&after=6");
  second.ready(6, true);
  second.say(6);
  second.say(7);
  assert.deepEqual([seen, resyncs], [[5, 6, 7], 1]);
  end();
  assert.ok(second.isClosed);
  for (const off of offs) off();
  mock.timers.reset();
});
