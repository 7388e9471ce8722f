import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "@mpo/io";
import type { Ends } from "../testing/nats-room.ts";
import { NatsLink } from "./nats-link.ts";

const INFO = 'INFO {"server_id":"x","version":"2.12.15","proto":1,"headers":true,"max_payload":1048576}\r\n';

/** Just enough of a server: `speaks` false, it accepts connections and says nothing. */
class Peer {
  readonly sockets: Socket[] = [];
  readonly #server: Server;
  speaks = true;

  private constructor() {
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on("error", () => undefined);
      if (this.speaks) this.greet(socket);
    });
  }

  static async start(t: Ends): Promise<Peer> {
    const peer = new Peer();
    peer.#server.listen(0, "127.0.0.1");
    await once(peer.#server, "listening");
    t.after(async () => {
      for (const socket of peer.sockets) socket.destroy();
      peer.#server.close();
    });
    return peer;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  greet(socket: Socket): void {
    socket.write(INFO);
    socket.on("data", (data: Buffer) => {
      for (const _ of data.toString().matchAll(/PING\r\n/gu)) socket.write("PONG\r\n");
    });
  }
}

const QUICK = { name: "test", reconnectBaseMs: 20, reconnectCapMs: 50 };

void test("a server that speaks only after the attempt was given up disturbs nothing", async (t) => {
  const [good, silent] = [await Peer.start(t), await Peer.start(t)];
  silent.speaks = false;
  const link = await NatsLink.open({ ...QUICK, servers: [good.url, silent.url] });
  t.after(() => link.close());
  let reconnects = 0;
  link.onReconnect(() => reconnects++);
  // It is given up after 5 s, at the start or now.
  while (silent.sockets.length === 0) {
    for (const socket of good.sockets.splice(0)) socket.destroy();
    await systemClock.sleep(50);
  }
  while ((await link.connection.rtt().catch(() => undefined)) === undefined) await systemClock.sleep(50);
  const [before, connections] = [reconnects, good.sockets.length];
  for (const socket of silent.sockets) {
    silent.greet(socket);
    await systemClock.sleep(50);
    socket.destroy();
  }
  await systemClock.sleep(500);
  assert.deepEqual([reconnects, good.sockets.length], [before, connections]);
});

void test("a server that takes nothing any more is left within seconds", async (t) => {
  const [stuck, good] = [await Peer.start(t), await Peer.start(t)];
  const link = await NatsLink.open({ ...QUICK, servers: [stuck.url], pingMs: 100 });
  t.after(() => link.close());
  const reconnected = new Promise<void>((resolve) => {
    link.onReconnect(resolve);
  });
  for (const socket of stuck.sockets) socket.pause();
  for (let sent = 0; sent < 64; sent++) link.connection.publish("a", new Uint8Array(2 ** 20));
  await reconnected;
  assert.equal(good.sockets.length, 0);
});
