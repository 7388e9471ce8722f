import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { gzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { COORDINATOR_NAME } from "@mpo/identity";
import { ADMIN_SERVICE, FLEET_SERVICE, GRPC_STATUS } from "@mpo/protocol";
import { createLogger } from "@mpo/runtime";
import { ALIVE, connectFleet, HEARTBEAT } from "../test-support/grpc-room.ts";
import { Authority, byCertificate, ChangingSource, startSecure } from "../test-support/tls-room.ts";

void test("strangers get few connections, and one that proves itself is served among them", async (t) => {
  const authority = await Authority.create();
  const lines: string[] = [];
  const server = await startSecure(t, await authority.server(), {
    maxConnections: 100,
    maxUnproven: 20,
    logger: createLogger({ write: (line) => void lines.push(line) }),
  });
  const tls = new ChangingSource(await authority.device());
  const early = connectFleet(t, server.target, { tls });
  await early.heartbeat(HEARTBEAT);
  const open = new Set<Socket>();
  for (let at = 0; at < 300; at++) {
    const socket = connectTcp(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    if (at % 50 === 0) assert.deepEqual(await early.heartbeat(HEARTBEAT), ALIVE);
  }
  const late = connectFleet(t, server.target, { tls });
  assert.deepEqual(await late.heartbeat(HEARTBEAT), ALIVE);
  await until(() => open.size <= 20);
  assert.equal(lines.filter((line) => /too many have not shown who they are/u.test(line)).length, 1);
  for (const socket of open) socket.destroy();
});

void test("a connection that does not show who it is is closed; one that did stays, until it is refused", async (t) => {
  const authority = await Authority.create();
  let refusal: MpoError | undefined;
  const server = await startSecure(t, await authority.server(), {
    unprovenMs: 600,
    identify: {
      ...byCertificate,
      device: (facts, path) => {
        if (refusal !== undefined) throw refusal;
        return byCertificate.device(facts, path);
      },
    },
  });
  const material = await authority.device();
  const sockets = {
    "says nothing": connectTcp(server.port, "127.0.0.1"),
    "is done with its handshake": await tlsTo(server.port, authority.caPem),
    "has a certificate": await tlsTo(server.port, authority.caPem, material),
    "speaks HTTP/2": await http2To(server.port, authority.caPem),
  };
  const began = performance.now();
  for (const [what, socket] of Object.entries(sockets)) {
    socket.on("error", () => undefined);
    if ("resume" in socket) socket.resume();
    if (!socket.destroyed) await once(socket, "close");
    assert.ok(performance.now() - began < 2_000, what);
  }
  for (const code of ["unauthenticated", "permission-denied"] as const) {
    refusal = undefined;
    const session = await http2To(server.port, authority.caPem, material);
    assert.equal(await statusOf(session, FLEET_SERVICE.heartbeat.path, heartbeat()), GRPC_STATUS.ok);
    await pause(1_500);
    assert.ok(!session.destroyed, "it has shown who it is");
    refusal = new MpoError(code, "revoked");
    assert.notEqual(await statusOf(session, FLEET_SERVICE.heartbeat.path, heartbeat()), GRPC_STATUS.ok);
    if (!session.destroyed) await once(session, "close");
  }
});

void test("a slow client is not waited for, neither in its handshake nor in its request", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server(), { unprovenMs: 600 });
  const slow = connectTcp(server.port, "127.0.0.1").on("error", () => undefined);
  const drip = setInterval(() => slow.write(Buffer.from([0x16])), 50);
  t.after(() => clearInterval(drip));
  const session = await http2To(server.port, authority.caPem);
  const stream = session.request(headersOf(FLEET_SERVICE.enroll.path)).on("error", () => undefined);
  const frame = framed(Buffer.alloc(50_000));
  let at = 0;
  const dripBody = setInterval(() => stream.write(frame.subarray(at, ++at)), 20);
  t.after(() => clearInterval(dripBody));
  const began = performance.now();
  await Promise.all([once(slow, "close"), once(session, "close")]);
  assert.ok(performance.now() - began < 3_000);
  assert.equal(server.running, 0, "no handler ran");
});

void test("messages that are too large, or become so, are refused before they are whole", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server());
  const tls = new ChangingSource(await authority.device());
  const { path } = FLEET_SERVICE.enroll;
  const bomb = framed(gzipSync(Buffer.alloc(200_000_000)), 1);
  const before = process.memoryUsage().rss;
  const session = await http2To(server.port, authority.caPem);
  t.after(() => session.destroy());
  const asGzip = { "grpc-encoding": "gzip" };
  for (let times = 0; times < 5; times++) {
    assert.equal(await statusOf(session, path, bomb, asGzip), GRPC_STATUS.resourceExhausted);
  }
  const announced = Buffer.alloc(5);
  announced.writeUInt32BE(0xffff_fff0, 1);
  assert.equal(await statusOf(session, path, announced), GRPC_STATUS.resourceExhausted);
  assert.equal(await statusOf(session, path, framed(Buffer.alloc(4_000_000))), GRPC_STATUS.resourceExhausted);
  assert.notEqual(await statusOf(session, path, framed(Buffer.from([1])), { "grpc-encoding": "snappy" }), 0);
  assert.deepEqual(await connectFleet(t, server.target, { tls }).heartbeat(HEARTBEAT), ALIVE);
  const grownBytes = process.memoryUsage().rss - before;
  assert.ok(grownBytes < 300_000_000, `${grownBytes} bytes more`);
});

void test("callers without proof have few requests under way at once; others are not held up by them", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server());
  const tls = new ChangingSource(await authority.device());
  const sessions = await Promise.all(Array.from({ length: 3 }, () => http2To(server.port, authority.caPem)));
  t.after(() => sessions.forEach((session) => void session.destroy()));
  // Each begins a message that it never ends.
  const begun = sessions.flatMap((session) =>
    Array.from({ length: 40 }, () => {
      const stream = session.request(headersOf(FLEET_SERVICE.enroll.path)).on("error", () => undefined);
      stream.write(framed(Buffer.alloc(1_000)).subarray(0, 500));
      return answerOf(stream);
    }),
  );
  const refused = (await Promise.all(begun.map((answer) => Promise.race([answer, pause(1_000)])))).filter(
    (status) => status === GRPC_STATUS.unavailable,
  );
  assert.equal(refused.length, 120 - 64);
  assert.deepEqual(await connectFleet(t, server.target, { tls }).heartbeat(HEARTBEAT), ALIVE);
  const { path } = ADMIN_SERVICE.listDevices;
  assert.equal(
    await statusOf(sessions[0] as ClientHttp2Session, path, framed(Buffer.alloc(1))),
    GRPC_STATUS.unimplemented,
  );
});

void test("rapid resets, garbage and floods of frames end with their connection, and the fleet is served", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server());
  const client = connectFleet(t, server.target, { tls: new ChangingSource(await authority.device()) });
  await client.heartbeat(HEARTBEAT);
  const before = process.memoryUsage().rss;
  for (const material of [undefined, await authority.device()]) {
    const session = await http2To(server.port, authority.caPem, material);
    let sent = 0;
    while (!session.closed && !session.destroyed && sent < 50_000) {
      for (let burst = 0; burst < 100 && !session.closed; burst++, sent++) {
        const stream = session.request(headersOf(FLEET_SERVICE.heartbeat.path)).on("error", () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await pause(0);
      if (sent % 5_000 === 0) assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
    }
    t.diagnostic(`the connection was closed after ${sent} resets`);
    session.destroy();
  }
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
  for (const flood of [settings, ping, Buffer.from("garbage! ".repeat(50))]) {
    const socket = await tlsTo(server.port, authority.caPem);
    socket.on("error", () => undefined);
    socket.write(preface);
    // Whoever does not read the answers fills the server's queue.
    for (let times = 0; times < 200 && !socket.destroyed; times++) {
      socket.write(Buffer.concat(Array.from({ length: 500 }, () => flood)));
      await pause(0);
    }
    assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
    socket.destroy();
  }
  assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
  const grownBytes = process.memoryUsage().rss - before;
  assert.ok(grownBytes < 300_000_000, `${grownBytes} bytes more`);
});

const same = { host: "127.0.0.1", servername: COORDINATOR_NAME, ALPNProtocols: ["h2"] } as const;

interface Shown {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

async function tlsTo(port: number, ca: string, own?: Shown): Promise<TLSSocket> {
  const socket = connectTls({ ...same, port, ca, ...(own && { cert: own.certificatePem, key: own.privateKeyPem }) });
  await once(socket, "secureConnect");
  return socket;
}

async function http2To(port: number, ca: string, own?: Shown): Promise<ClientHttp2Session> {
  const socket = await tlsTo(port, ca, own);
  const session = connectHttp2(`https://${COORDINATOR_NAME}`, { createConnection: () => socket });
  session.on("error", () => undefined);
  await once(session, "remoteSettings");
  return session;
}

function headersOf(path: string): Record<string, string> {
  return { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
}

/** A message as gRPC frames it. */
function framed(bytes: Uint8Array, compressed = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function heartbeat(): Buffer {
  return framed(FLEET_SERVICE.heartbeat.request.toBytes(HEARTBEAT));
}

async function statusOf(
  session: ClientHttp2Session,
  path: string,
  body: Buffer,
  more: Record<string, string> = {},
): Promise<number> {
  const stream = session.request({ ...headersOf(path), ...more }).on("error", () => undefined);
  stream.end(body);
  return await answerOf(stream);
}

function answerOf(stream: ReturnType<ClientHttp2Session["request"]>): Promise<number> {
  return new Promise((resolve) => {
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers["grpc-status"] !== undefined) resolve(Number(headers["grpc-status"]));
    };
    stream.on("response", look).on("trailers", look).resume();
    stream.once("close", () => resolve(-1));
  });
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(10);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
