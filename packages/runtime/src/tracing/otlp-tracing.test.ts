import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { it, type TestContext } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "../logger.ts";
import { otlpTracing } from "./otlp-tracing.ts";

const LONG_MS = 60_000;

/** Traces one piece of work to a collector that answers as `listener` does; returns how the tracing is closed. */
async function tracedTo(t: TestContext, clock: VirtualClock, listener: RequestListener): Promise<() => Promise<void>> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // OpenTelemetry reads the process's own.
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const tracing = otlpTracing({ service: "test", instance: "a", clock, logger: silentLogger });
  await tracing.span({ name: "work" }, () => Promise.resolve());
  return async () => await tracing[Symbol.asyncDispose]();
}

it("closing sends what is left, and leaves no timer behind", async (t) => {
  const clock = new VirtualClock();
  let requests = 0;
  const close = await tracedTo(t, clock, (_, response) => {
    requests += 1;
    response.end();
  });
  await close();
  assert.equal(requests, 1);
  assert.equal(clock.sleeping, 0);
});

it("a collector that does not answer holds a closing process for a time that is bounded", async (t) => {
  const clock = new VirtualClock();
  const events = new EventEmitter();
  const asked = once(events, "asked");
  const close = await tracedTo(t, clock, () => events.emit("asked"));
  const closing = close();
  await asked;
  await clock.advance(LONG_MS);
  await closing;
  assert.equal(clock.sleeping, 0);
});
