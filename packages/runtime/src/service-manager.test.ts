import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "./logger.ts";
import { ServiceManager } from "./service-manager.ts";

const PID = 42;

function bench(environment: Readonly<Record<string, string>> = { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "60000000" }) {
  const said: string[] = [];
  const clock = new VirtualClock();
  const notify = (assignments: readonly string[]): Promise<void> => {
    said.push(assignments.filter((one) => !one.startsWith("MONOTONIC")).join(" "));
    return Promise.resolve();
  };
  const manager = new ServiceManager({ environment, pid: PID, logger: silentLogger, clock, notify });
  const ends = new AbortController();
  const pings = (): number => said.filter((one) => one === "WATCHDOG=1").length;
  return { manager, clock, said, pings, ends, run: () => manager.run(ends.signal) };
}

describe("a service manager", () => {
  it("hears that the process is ready, what it is at when that changes, and that it stops", async () => {
    const { manager, said } = bench();
    manager.reloading();
    manager.ready("serves");
    manager.status("serves");
    manager.status("retrains\na model");
    manager.reloading();
    manager.reloaded();
    manager.stopping();
    await manager.sent();
    assert.deepEqual(said, [
      "READY=1 STATUS=serves",
      "STATUS=retrains a model",
      "RELOADING=1",
      "READY=1",
      "STOPPING=1 STATUS=stopping",
    ]);
  });

  it("hears nothing where there is none", async () => {
    const { manager, said, clock, run, ends } = bench({ WATCHDOG_USEC: "60000000" });
    manager.ready("serves");
    manager.turned(1e9);
    const running = run();
    await clock.advance(120_000);
    ends.abort();
    await running;
    assert.deepEqual([said, manager.isThere, manager.watchdogMs], [[], false, undefined]);
  });

  it("is pinged in time as long as the work turns, also where a turn takes long", async () => {
    const { manager, clock, pings, run, ends } = bench();
    const running = run();
    for (let turn = 0; turn < 10; turn++) {
      manager.turned(600_000);
      await clock.advance(600_000);
    }
    assert.ok(pings() >= 400, `${pings()} in 6000 s of a watchdog of 60 s`);
    ends.abort();
    await running;
  });

  it("is not pinged when the work stands still, and again when it goes on", async () => {
    const { manager, clock, pings, run, ends } = bench();
    const running = run();
    manager.turned(5_000);
    await clock.advance(60_000);
    const before = pings();
    await clock.advance(600_000);
    assert.equal(pings(), before, "the last turn was due long ago");
    manager.turned(5_000);
    await clock.advance(20_000);
    assert.ok(pings() > before);
    ends.abort();
    await running;
  });

  it("has no watchdog that is for another process", () => {
    const { manager } = bench({ NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "1000", WATCHDOG_PID: "7" });
    assert.equal(manager.watchdogMs, undefined);
  });

  it("that cannot be notified is no reason to end", async () => {
    const manager = new ServiceManager({
      environment: { NOTIFY_SOCKET: "/run/x" },
      pid: PID,
      logger: silentLogger,
      notify: () => Promise.reject(new Error("no such program")),
    });
    manager.ready("serves");
    await manager.sent();
  });
});
