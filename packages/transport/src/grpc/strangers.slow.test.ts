import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { COORDINATOR_NAME } from "@mpo/identity";
import { ALIVE, connectFleet, HEARTBEAT } from "../test-support/grpc-room.ts";
import { Authority, ChangingSource, startSecure } from "../test-support/tls-room.ts";

const STRANGERS = 10_000;
const AT_ONCE = 100;
/** They hold on to what they get, from many addresses. */
const ADDRESSES = 200;

void test("10,000 strangers take bounded memory, while devices that were there and new ones are served", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server(), { maxConnections: 8_000 });
  const tls = new ChangingSource(await authority.device());
  const device = connectFleet(t, server.target, { tls });
  await device.heartbeat(HEARTBEAT);
  const open = new Set<Socket>();
  t.after(() => open.forEach((socket) => void socket.destroy()));
  const before = process.memoryUsage().rss;
  const waits: number[] = [];
  const call = async (client: typeof device): Promise<void> => {
    const began = performance.now();
    assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
    waits.push(performance.now() - began);
  };
  const attack = async (stranger: number): Promise<void> => {
    const localAddress = `127.0.1.${1 + (stranger % ADDRESSES)}`;
    const socket = connectTcp({ port: server.port, host: "127.0.0.1", localAddress });
    open.add(socket);
    socket.on("error", () => undefined).once("close", () => open.delete(socket));
    await once(socket, "connect").catch(() => undefined);
    // Half of them go through with the handshake: it costs most.
    if (stranger % 2 === 0 || socket.destroyed) return;
    const secure = connectTls({ socket, ca: authority.caPem, servername: COORDINATOR_NAME, ALPNProtocols: ["h2"] });
    secure.on("error", () => undefined).resume();
    await Promise.race([once(secure, "secureConnect"), once(secure, "close")]).catch(() => undefined);
  };
  let most = 0;
  for (let first = 0; first < STRANGERS; first += AT_ONCE) {
    const attacks = Array.from({ length: AT_ONCE }, (_, more) => attack(first + more));
    await Promise.all([...attacks, call(device)]);
    most = Math.max(most, open.size);
    if (first % 1_000 > 0) continue;
    const late = connectFleet(t, server.target, { tls });
    await call(late);
    late.close();
  }
  const grownBytes = process.memoryUsage().rss - before;
  const worst = Math.max(...waits);
  t.diagnostic(`${most} connections at once, ${Math.round(grownBytes / 1e6)} MB, worst call ${Math.round(worst)} ms`);
  assert.ok(open.size <= 2_000 && most <= 2_000 + AT_ONCE, `${open.size} are left, ${most} at once`);
  assert.ok(grownBytes < 1_000_000_000, `${grownBytes} bytes more, both ends together`);
  assert.ok(worst < 2_000, `${worst} ms`);
});
