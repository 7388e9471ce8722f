import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Client, credentials, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import { ADMIN_SERVICE, FLEET_SERVICE, GRPC_STATUS } from "@mpo/protocol";
import { createLogger } from "@mpo/runtime";
import fc from "fast-check";
import {
  ALIVE,
  connectFleet,
  HEARTBEAT,
  handlers,
  IDENTITY,
  join,
  startFleet,
  startTcp,
} from "../test-support/grpc-room.ts";
import { createAdminClient } from "./admin-client.ts";
import type { CallContext } from "./call-context.ts";
import { CallPace } from "./call-pace.ts";
import { adminService, fleetService, startGrpcServer } from "./grpc-server.ts";
import { unaryCall } from "./unary-call.ts";

const code = (expected: string): { readonly name: string; readonly code: string } => ({
  name: "MpoError",
  code: expected,
});

void test("a call reaches its handler with who calls, and the answer comes back", async (t) => {
  let seen: CallContext | undefined;
  const server = await startFleet(t, {
    heartbeat: (request, context) => {
      seen = context;
      assert.deepEqual(request, HEARTBEAT);
      return Promise.resolve(ALIVE);
    },
  });
  const client = connectFleet(t, server.target);
  assert.deepEqual(await client.heartbeat(HEARTBEAT, { requestId: "r-1" }), ALIVE);
  assert.deepEqual([seen?.deviceId, seen?.requestId, seen?.signal.aborted], ["acme.pi-4", "r-1", false]);
  await client.heartbeat(HEARTBEAT);
  assert.match(seen?.requestId ?? "", /^[0-9a-f-]{36}$/u);
});

void test("errors come back as they were thrown; of bugs only that they happened", async (t) => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const thrown: unknown[] = [];
  const server = await startFleet(t, { heartbeat: () => Promise.reject(thrown.pop()) }, { logger });
  const client = connectFleet(t, server.target);
  thrown.push(new MpoError("conflict", "another was first", { hint: "Lies Größeres neu." }));
  await assert.rejects(client.heartbeat(HEARTBEAT), {
    ...code("conflict"),
    message: "another was first",
    hint: "Lies Größeres neu.",
  });
  assert.equal(lines.length, 0);
  thrown.push(new TypeError("secret internals"));
  await assert.rejects(client.heartbeat(HEARTBEAT, { requestId: "bug-1" }), (error: MpoError) => {
    assert.equal(error.code, "internal");
    assert.doesNotMatch(error.message, /secret/u);
    return true;
  });
  assert.match(lines.join(), /bug-1.*secret internals/u);
});

void test("a handler's answer that does not fit the protocol is a bug of the server, not of the caller", async (t) => {
  const server = await startFleet(t, { heartbeat: () => Promise.resolve({ ...ALIVE, heartbeatSeconds: -1 }) });
  await assert.rejects(
    connectFleet(t, server.target).heartbeat(HEARTBEAT),
    (error: MpoError) => error.code !== "unavailable",
  );
});

void test("deadline and cancel: the caller is told, and the handler's signal aborts at once", async (t) => {
  const reasons: unknown[] = [];
  let isHanging = false;
  const server = await startFleet(t, {
    heartbeat: (_, { signal }) =>
      new Promise((resolve, reject) => {
        if (!isHanging) resolve(ALIVE);
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          reject(signal.reason as Error);
        });
      }),
  });
  const client = connectFleet(t, server.target);
  await client.heartbeat(HEARTBEAT);
  isHanging = true;
  await assert.rejects(client.heartbeat(HEARTBEAT, { deadlineMs: 300 }), code("timed-out"));
  await until(() => reasons.length === 1 && server.running === 0);
  const stop = new AbortController();
  // Far beyond the test's own time: only a cancellation that reaches the server ends these.
  const options = { signal: stop.signal, deadlineMs: 600_000 };
  const running = client.heartbeat(HEARTBEAT, options);
  await until(() => server.running === 1);
  const unsent = client.heartbeat(HEARTBEAT, options);
  stop.abort();
  await assert.rejects(running, code("cancelled"));
  await assert.rejects(unsent, code("cancelled"));
  await assert.rejects(client.heartbeat(HEARTBEAT, options), code("cancelled"));
  await until(() => reasons.length >= 2 && server.running === 0);
});

void test("no call outlasts the server's own limit, though its handler ignores its signal", async (t) => {
  const server = await startFleet(t, { heartbeat: () => new Promise(() => undefined) }, { maxCallMs: 50 });
  await assert.rejects(connectFleet(t, server.target).heartbeat(HEARTBEAT, { deadlineMs: 60_000 }), code("timed-out"));
});

void test("more calls than may run at once are refused at once, and answered when others have ended", async (t) => {
  let answer = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const heartbeat = () => first.then(() => ({ serverTimeMs: 0, heartbeatSeconds: 1, needsHello: false }));
  const server = await startFleet(t, { heartbeat }, { maxCalls: 2 });
  const client = connectFleet(t, server.target, { retries: 0 });
  const running = [client.heartbeat(HEARTBEAT), client.heartbeat(HEARTBEAT)];
  await until(() => server.running === 2);
  await assert.rejects(client.heartbeat(HEARTBEAT), {
    code: "unavailable",
    message: /busy: 2 calls are already running/u,
  });
  answer();
  await Promise.all(running);
  assert.equal((await client.heartbeat(HEARTBEAT)).heartbeatSeconds, 1);
});

void test("a server that is late takes few calls more, and says so to the others at once", async (t) => {
  let answer = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const clock = new VirtualClock(0);
  const refused: string[] = [];
  const server = await startFleet(
    t,
    { heartbeat: () => late.then(() => ALIVE) },
    { clock, lateMs: 2_000, onRefused: (path) => refused.push(path), quota: { perSecond: 1, burst: 1000 } },
  );
  const client = connectFleet(t, server.target, { retries: 0 });
  const running = Array.from({ length: 80 }, () => client.heartbeat(HEARTBEAT));
  await until(() => server.running === 80);
  await clock.advance(1_999);
  running.push(client.heartbeat(HEARTBEAT));
  await until(() => server.running === 81);
  await clock.advance(2);
  await assert.rejects(client.heartbeat(HEARTBEAT), { code: "unavailable", message: /busy: .* longer than 2000 ms/u });
  assert.deepEqual(refused, [FLEET_SERVICE.heartbeat.path]);
  answer();
  assert.equal((await Promise.all(running)).length, 81);
  assert.equal((await client.heartbeat(HEARTBEAT)).heartbeatSeconds, ALIVE.heartbeatSeconds);
});

void test("a call may say how often it is repeated", async (t) => {
  let calls = 0;
  const server = await startFleet(t, {
    heartbeat: () => {
      calls++;
      return Promise.reject(new MpoError("unavailable", "not now"));
    },
  });
  const client = connectFleet(t, server.target, { retries: 3 });
  await assert.rejects(client.heartbeat(HEARTBEAT, { retries: 0 }), code("unavailable"));
  assert.equal(calls, 1);
});

void test("garbage, oversize and unknown calls are refused, and the server lives", async (t) => {
  const server = await startFleet(t);
  const raw = new Client(server.target, credentials.createInsecure());
  t.after(() => raw.close());
  const send = (path: string, bytes: Buffer): Promise<StatusObject | ServiceError> =>
    new Promise((resolve) => {
      raw.makeUnaryRequest(
        path,
        (each: Buffer) => each,
        (each: Buffer) => each,
        bytes,
        (error) => {
          resolve(error ?? ({ code: 0, details: "" } as StatusObject));
        },
      );
    });
  const paths = [FLEET_SERVICE.heartbeat.path, FLEET_SERVICE.hello.path, FLEET_SERVICE.reportProfile.path];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 200 }), async (path, bytes) => {
      const { code: status } = await send(path, Buffer.from(bytes));
      assert.equal(status, GRPC_STATUS.invalidArgument);
    }),
    { numRuns: 200, seed: 5 },
  );
  const overMessage = await send(paths[0] as string, Buffer.alloc(65_537));
  assert.equal(overMessage.code, GRPC_STATUS.invalidArgument, overMessage.details);
  const overServer = await send(paths[0] as string, Buffer.alloc(2_000_000));
  assert.equal(overServer.code, GRPC_STATUS.resourceExhausted, overServer.details);
  assert.equal((await send("/mpo.v1.FleetService/Nothing", Buffer.alloc(0))).code, GRPC_STATUS.unimplemented);
  assert.deepEqual(await connectFleet(t, server.target).heartbeat(HEARTBEAT), ALIVE);
});

void test("an answer that is garbage is refused by the client", async (t) => {
  const server = await startFleet(t);
  const raw = new Client(server.target, credentials.createInsecure());
  t.after(() => raw.close());
  const swapped = { ...FLEET_SERVICE.heartbeat, response: FLEET_SERVICE.enroll.response } as const;
  await assert.rejects(unaryCall(raw, swapped, HEARTBEAT, { pace: new CallPace(systemClock) }), code("invalid-data"));
});

void test("calls that are safe to repeat are repeated, others and other failures are not", async (t) => {
  let calls = 0;
  const failures: MpoError[] = [];
  const server = await startFleet(t, {
    heartbeat: () => {
      calls++;
      const failure = failures.pop();
      return failure === undefined ? Promise.resolve(ALIVE) : Promise.reject(failure);
    },
  });
  const client = connectFleet(t, server.target, { retries: 2, random: () => 0.01 });
  failures.push(new MpoError("unavailable", "a"), new MpoError("unavailable", "b"));
  assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
  assert.equal(calls, 3);
  failures.push(new MpoError("not-found", "c"));
  await assert.rejects(client.heartbeat(HEARTBEAT), code("not-found"));
  assert.equal(calls, 4);
});

void test("quota: one caller's flood is refused, others go on", async (t) => {
  const server = await startFleet(t, {}, { quota: { perSecond: 0.001, burst: 5 } });
  const client = connectFleet(t, server.target);
  const flood = await Promise.allSettled(Array.from({ length: 20 }, () => client.heartbeat(HEARTBEAT)));
  assert.equal(flood.filter(({ status }) => status === "fulfilled").length, 5);
  for (const each of flood) if (each.status === "rejected") assert.equal((each.reason as MpoError).code, "unavailable");
  const other = { ...HEARTBEAT, identity: { tenant: "acme", device: "other" } };
  assert.deepEqual(await client.heartbeat(other), ALIVE);
});

void test("who calls comes from one place, for devices and for people, which can refuse", async (t) => {
  const asked: unknown[] = [];
  const refuse = new MpoError("unauthenticated", "not you");
  const seen: unknown[] = [];
  const server = await startGrpcServer({
    services: [
      fleetService(handlers()),
      adminService({
        getDevice: (_, { deviceId, person }) => {
          seen.push(deviceId, person?.name);
          return Promise.reject(new MpoError("not-found", "nobody"));
        },
      } as Partial<Parameters<typeof adminService>[0]> as Parameters<typeof adminService>[0]),
    ].map((service) => withAll(service)),
    identify: {
      device: ({ claimed, peer }, path) => {
        asked.push(claimed, path);
        assert.match(peer, /^127\.0\.0\.1:\d+$/u);
        throw refuse;
      },
      person: async ({ bearer }, path) => {
        asked.push(bearer, path);
        if (bearer !== "mpo_ada") throw new MpoError("permission-denied", "not that");
        return await Promise.resolve({ name: "ada" });
      },
    },
  });
  t.after(() => server.stop({ graceMs: 0 }));
  await assert.rejects(connectFleet(t, server.target).heartbeat(HEARTBEAT), code("unauthenticated"));
  assert.deepEqual(asked.splice(0), [IDENTITY, FLEET_SERVICE.heartbeat.path]);
  const admin = createAdminClient({ targets: [server.target], bearer: () => "mpo_ada" });
  t.after(() => admin.close());
  await assert.rejects(admin.getDevice({ identity: IDENTITY }), code("not-found"));
  assert.deepEqual(asked.splice(0), ["mpo_ada", ADMIN_SERVICE.getDevice.path]);
  assert.deepEqual(seen, [undefined, "ada"]);
  const stranger = createAdminClient({ targets: [server.target] });
  t.after(() => stranger.close());
  await assert.rejects(stranger.getDevice({ identity: IDENTITY }), code("permission-denied"));
  assert.equal(seen.length, 2);
});

void test("connections beyond the limit are closed, which is said once, and there is room when others end", async (t) => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const server = await startFleet(t, {}, { maxConnections: 3, logger });
  const clients = Array.from({ length: 3 }, () => connectFleet(t, server.target));
  await Promise.all(clients.map((client) => client.heartbeat(HEARTBEAT)));
  for (let more = 0; more < 2; more++) {
    const client = connectFleet(t, server.target);
    await assert.rejects(client.heartbeat(HEARTBEAT), code("unavailable"));
    client.close();
  }
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /"maxConnections":3.*refusing connections/u);
  clients[0]?.close();
  const late = connectFleet(t, server.target, { retries: 20 });
  assert.deepEqual(await late.heartbeat(HEARTBEAT), ALIVE);
});

void test("a port that is taken is refused", async (t) => {
  const { port } = await startFleet(t);
  await assert.rejects(startFleet(t, {}, { port }), code("unavailable"));
});

void test("stopping lets calls end, and ends those that do not", async (t) => {
  const gates: (() => void)[] = [];
  const lines: string[] = [];
  const heartbeat: ReturnType<typeof handlers>["heartbeat"] = (_, { signal }) =>
    new Promise((resolve, reject) => {
      gates.push(() => resolve(ALIVE));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const server = await startFleet(t, { heartbeat }, { logger });
  const client = connectFleet(t, server.target);
  const [good, hanging] = [client.heartbeat(HEARTBEAT), client.heartbeat(HEARTBEAT)];
  hanging.catch(() => undefined);
  await until(() => gates.length === 2);
  const stopping = server.stop({ graceMs: 200 });
  gates[0]?.();
  assert.deepEqual(await good, ALIVE);
  await assert.rejects(hanging, code("unavailable"));
  await stopping;
  await assert.rejects(client.heartbeat(HEARTBEAT), code("unavailable"));
  assert.match(lines.join(""), /waiting for 1 client, up to 0\.2 s/u);
});

void test("stopping does not wait for streams, which have no end", async (t) => {
  const server = await startGrpcServer({
    services: [
      adminService({
        async *watchEvents(_, { signal }) {
          const event = { atMs: 1, sequence: 1, kind: "config-pushed", tenant: "acme", actor: "test", message: "" };
          yield { event };
          await once(signal, "abort");
        },
      } as Partial<Parameters<typeof adminService>[0]> as Parameters<typeof adminService>[0]),
    ].map((service) => withAll(service)),
  });
  const admin = createAdminClient({ targets: [server.target] });
  t.after(() => admin.close());
  let stopping: Promise<void> | undefined;
  await assert.rejects(async () => {
    for await (const _ of admin.watchEvents({ tenant: "acme", afterSequence: 0 })) {
      stopping = server.stop({ graceMs: 3_600_000 });
    }
  }, code("unavailable"));
  await stopping;
});

void test("a reader that leaves a stream ends the handler; a slow one holds it back", async (t) => {
  const most = 16_000;
  let sent = 0;
  let isEnded = false;
  const server = await startGrpcServer({
    services: [
      adminService({
        async *watchEvents() {
          const event = { atMs: 1, kind: "config-pushed", tenant: "acme", actor: "test", message: "€".repeat(512) };
          try {
            for (; sent < most; sent++) yield await Promise.resolve({ event: { ...event, sequence: sent + 1 } });
          } finally {
            isEnded = true;
          }
        },
      } as Partial<Parameters<typeof adminService>[0]> as Parameters<typeof adminService>[0]),
    ].map((service) => withAll(service)),
  });
  t.after(() => server.stop({ graceMs: 0 }));
  const admin = createAdminClient({ targets: [server.target] });
  t.after(() => admin.close());
  for await (const { event } of admin.watchEvents({ tenant: "acme", afterSequence: 0 })) {
    assert.equal(event.sequence, 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    break;
  }
  await until(() => server.running === 0);
  assert.ok(sent < most / 2, `${sent} events of 1.5 kB were taken from the handler though one was read`);
  await until(() => isEnded);
});

void test("a channel that stays in CONNECTING is made anew, and works once the peer speaks", async (t) => {
  const server = await startFleet(t);
  let isMute = true;
  let mute = 0;
  // Accepts, and never says a word: grpc-js waits for ever for the peer's settings.
  const port = await startTcp(t, (socket) => {
    if (isMute) mute++;
    else join(socket, server.port);
  });
  const client = connectFleet(t, `127.0.0.1:${port}`, { stuckMs: 400 });
  await assert.rejects(client.heartbeat(HEARTBEAT, { deadlineMs: 300 }), code("timed-out"));
  isMute = false;
  // The old connection stays mute: only a new channel can get through.
  await until(() => client.rebuilds === 1);
  assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
  assert.equal(mute, 1);
});

void test("by default a mute peer is given up within 20 s", async (t) => {
  let mute = 0;
  const port = await startTcp(t, () => {
    mute++;
  });
  const clock = new VirtualClock();
  const client = connectFleet(t, `127.0.0.1:${port}`, { clock });
  await assert.rejects(client.heartbeat(HEARTBEAT, { deadlineMs: 300 }), code("timed-out"));
  assert.equal(mute, 1);
  await clock.advance(12_000);
  assert.equal(client.rebuilds, 0, "a slow peer has its time");
  await clock.advance(8_000);
  assert.equal(client.rebuilds, 1);
  // The rebuilt channel connects with the next call, and has twice the time.
  await assert.rejects(client.heartbeat(HEARTBEAT, { deadlineMs: 300 }), code("timed-out"));
  await clock.advance(30_000);
  assert.equal(client.rebuilds, 1, "whoever was slow once may be slower");
  await clock.advance(20_000);
  assert.equal(client.rebuilds, 2);
});

void test("a client that was closed while nothing listened leaves no connection behind when something does", async (t) => {
  const server = await startFleet(t);
  let isUp = false;
  let connections = 0;
  let open = 0;
  const port = await startTcp(t, (socket) => {
    if (!isUp) return void socket.resetAndDestroy();
    connections += 1;
    open += 1;
    socket.on("close", () => (open -= 1));
    return join(socket, server.port);
  });
  const client = connectFleet(t, `127.0.0.1:${port}`);
  await assert.rejects(client.heartbeat(HEARTBEAT), code("unavailable"));
  client.close();
  isUp = true;
  // Longer than it waits before it tries again.
  await systemClock.sleep(2_500);
  assert.equal(open, 0, `of ${connections}`);
});

void test("a closed client refuses calls", async (t) => {
  const server = await startFleet(t);
  const client = connectFleet(t, server.target);
  await client.heartbeat(HEARTBEAT);
  client.close();
  await assert.rejects(client.heartbeat(HEARTBEAT), code("unavailable"));
});

/** Handlers that a test leaves out refuse. */
function withAll(service: ReturnType<typeof fleetService>): ReturnType<typeof fleetService> {
  const refuse = (): Promise<never> => Promise.reject(new MpoError("unsupported", "not in this test"));
  const all = Object.fromEntries(Object.keys(service.methods).map((name) => [name, refuse]));
  return { ...service, handlers: { ...all, ...service.handlers } };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}
