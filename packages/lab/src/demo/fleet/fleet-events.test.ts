import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FleetEvent } from "@mpo/protocol";
import type { AdminClient } from "@mpo/transport";
import { FleetEvents } from "./fleet-events.ts";

const event = (sequence: number, device: string, kind: string): FleetEvent => {
  return { sequence, atMs: 1, kind, tenant: "default", device, actor: "somebody", message: "" };
};

/** A coordinator that sends these, each after a turn of the loop, and then what `end` says. */
function admin(events: readonly FleetEvent[], end: () => Promise<void>): AdminClient {
  const watchEvents = async function* (): AsyncGenerator<{ readonly event: FleetEvent }> {
    for (const one of events) {
      await new Promise((resolve) => setImmediate(resolve));
      yield { event: one };
    }
    await end();
  };
  return { watchEvents } as unknown as AdminClient;
}

describe("events of the demo's fleet", () => {
  it("are waited for by device and kind, behind a place if need be", async () => {
    const stop = new AbortController();
    const told: number[] = [];
    const events = new FleetEvents(({ sequence }) => told.push(sequence));
    const all = [
      event(1, "large", "window-replaced"),
      event(2, "small", "window-kept-old"),
      event(3, "small", "other"),
    ];
    const ends = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve(), { once: true }));
    const following = events.follow(
      admin(all, () => ends),
      "default",
      stop.signal,
    );
    const options = { signal: stop.signal, withinMs: 60_000 };
    const found = await events.until({ device: "small", kind: /^window-/u }, options);
    assert.equal(found.sequence, 2);
    assert.equal((await events.until({ device: "small", kind: /other/u, behind: 1 }, options)).sequence, 3);
    await assert.rejects(
      events.until({ device: "small", kind: /^window-/u, behind: 2 }, { ...options, withinMs: 20 }),
      {
        code: "timed-out",
        message: /nothing like \^window- arrived from small/u,
      },
    );
    stop.abort();
    await following;
    assert.deepEqual(told, [1, 2, 3]);
  });

  it("tell whoever waits that the coordinator is gone", async () => {
    const { signal } = new AbortController();
    const events = new FleetEvents(() => undefined);
    const following = events.follow(
      admin([event(1, "small", "other")], () => Promise.reject(new Error("gone"))),
      "default",
      signal,
    );
    await assert.rejects(events.until({ device: "small", kind: /window/u }, { signal, withinMs: 60_000 }), {
      code: "unavailable",
    });
    await following;
  });
});
