import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { type ProcessPort, runServices, type Service, STOP_SIGNALS } from "./lifecycle.ts";
import { silentLogger } from "./logger.ts";

/** A process whose signals the test sends, and whose exit is only noted. */
class TestProcess extends EventEmitter implements ProcessPort {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

interface Bench {
  readonly process: TestProcess;
  readonly clock: VirtualClock;
  readonly log: string[];
  run(services: readonly Service[], signal?: AbortSignal): Promise<number>;
  service(name: string, overrides?: Partial<Service>): Service;
}

function bench(): Bench {
  const process = new TestProcess();
  const clock = new VirtualClock();
  const log: string[] = [];
  return {
    process,
    clock,
    log,
    run: (services, signal) =>
      runServices(services, {
        process,
        clock,
        logger: silentLogger,
        drainMs: 1000,
        signal,
      }),
    service: (name, overrides = {}) => ({
      name,
      start: () => Promise.resolve(void log.push(`start ${name}`)),
      stop: () => Promise.resolve(void log.push(`stop ${name}`)),
      ...overrides,
    }),
  };
}

for (const signal of STOP_SIGNALS) {
  const exitCode = signal === "SIGINT" ? 130 : 0;
  void test(`services start in order and stop in reverse on ${signal}, exit code ${exitCode}`, async () => {
    const { process, clock, log, run, service } = bench();
    const code = run([service("store"), service("server")]);
    await clock.advance(0);
    assert.deepEqual(log, ["start store", "start server"]);
    process.emit(signal);
    assert.equal(await code, exitCode);
    assert.deepEqual(log.slice(2), ["stop server", "stop store"]);
    assert.deepEqual(process.eventNames(), []);
    assert.deepEqual(process.exits, []);
    assert.equal(clock.sleeping, 0);
  });
}

void test("a service that cannot start stops those before it and itself, and gives its exit code", async () => {
  const { log, run, service } = bench();
  const bad = service("bad", { start: () => Promise.reject(new MpoError("unavailable", "port taken")) });
  assert.equal(await run([service("first"), bad, service("never")]), 6);
  assert.deepEqual(log, ["start first", "stop bad", "stop first"]);
});

void test("a signal during the start aborts the start", async () => {
  const { process, clock, log, run, service } = bench();
  const slow = service("slow", { start: ({ signal }) => clock.sleep(1e6, { signal }) });
  const code = run([slow, service("never")]);
  await clock.advance(1);
  process.emit("SIGTERM");
  assert.equal(await code, 0);
  assert.deepEqual(log, ["stop slow"]);
});

void test("the end of a service ends the process: 0 if it ended well, its code if it failed", async () => {
  const table = [
    [Promise.resolve(), 0],
    [Promise.reject(new MpoError("invalid-data", "x")), 3],
  ] as const;
  for (const [ended, expected] of table) {
    const { log, run, service } = bench();
    assert.equal(await run([service("main", { ended: () => ended }), service("other")]), expected);
    assert.deepEqual(log.slice(-2), ["stop other", "stop main"]);
  }
});

void test("a service that fails while others still start brings the process down all the same", async () => {
  const { clock, log, run, service } = bench();
  const ended = clock.sleep(1).then(() => Promise.reject(new MpoError("conflict", "x")));
  const failing = service("failing", { ended: () => ended });
  const code = run([failing, service("slow", { start: ({ signal }) => clock.sleep(10, { signal }) })]);
  await clock.advance(10);
  assert.equal(await code, 4);
  assert.deepEqual(log, ["start failing", "stop slow", "stop failing"]);
});

void test("a signal from within stops the services too", async () => {
  const { clock, run, service } = bench();
  const controller = new AbortController();
  const code = run([service("main")], controller.signal);
  await clock.advance(0);
  controller.abort(new MpoError("timed-out", "demo over"));
  assert.equal(await code, 6);
});

void test("one service that fails to stop does not keep the others running", async () => {
  const { process, clock, log, run, service } = bench();
  const bad = service("bad", { stop: () => Promise.reject(new MpoError("internal", "x")) });
  const code = run([service("first"), bad]);
  await clock.advance(0);
  process.emit("SIGTERM");
  assert.equal(await code, 1);
  assert.deepEqual(log.slice(-1), ["stop first"]);
});

void test("a service that hangs in stop is left behind after the time to drain", async () => {
  const { process, clock, run, service } = bench();
  const hanging = service("hanging", { stop: () => new Promise(() => undefined) });
  const code = run([service("first"), hanging]);
  await clock.advance(0);
  process.emit("SIGTERM");
  await clock.advance(1000);
  assert.equal(await code, 1);
  assert.deepEqual(process.exits, [1]);
});

void test("a second signal exits at once", async () => {
  const { process, clock, run, service } = bench();
  const code = run([service("slow", { stop: ({ signal }) => clock.sleep(500, { signal }) })]);
  await clock.advance(0);
  process.emit("SIGINT");
  process.emit("SIGHUP");
  assert.deepEqual(process.exits, [], "a closing terminal sends both");
  process.emit("SIGINT");
  assert.deepEqual(process.exits, [130]);
  await clock.advance(500);
  await code;
});

void test("a first signal while a failure is being cleaned up does not cut that short", async () => {
  const { process, clock, log, run, service } = bench();
  const slow = service("slow", {
    stop: ({ signal }) => clock.sleep(500, { signal }).then(() => void log.push("stopped")),
  });
  const bad = service("bad", { start: () => Promise.reject(new MpoError("unavailable", "disk full")) });
  const code = run([slow, bad]);
  await clock.advance(1);
  process.emit("SIGTERM");
  assert.deepEqual(process.exits, []);
  await clock.advance(500);
  assert.equal(await code, 6);
  assert.deepEqual(log.slice(-1), ["stopped"]);
});

void test("SIGHUP stops nothing where it is seen to, and stops all where it is not", async () => {
  const { process, clock, log, service } = bench();
  let isSeenTo = true;
  const options = { process, clock, logger: silentLogger, onHangUp: () => isSeenTo };
  const code = runServices([service("store")], options);
  await clock.advance(0);
  process.emit("SIGHUP");
  process.emit("SIGHUP");
  await clock.advance(0);
  assert.deepEqual(log, ["start store"]);
  isSeenTo = false;
  process.emit("SIGHUP");
  assert.equal(await code, 0);
  assert.deepEqual(log, ["start store", "stop store"]);
});
