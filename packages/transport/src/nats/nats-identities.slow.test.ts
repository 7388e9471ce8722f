import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { NATS_NAME } from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { deviceKey, notifySubject } from "@mpo/protocol";
import { FLEET_LAYOUT } from "../store/fleet-layout.ts";
import { TestIdentities } from "../testing/nats-identities.ts";
import { binary, openLink, skip, startServer, temporaryFolder } from "../testing/nats-room.ts";
import { bytes, text } from "../testing/state-store-contract.ts";
import { openExistingStore, openJetstreamStore } from "./jetstream/jetstream-state-store.ts";
import { NatsLink } from "./nats-link.ts";
import { NatsNotifyBus } from "./nats-notify-bus.ts";
import { pushAccount } from "./push-account.ts";
import { checkStore } from "./server/check-store.ts";
import { streamsFolder } from "./server/stream-folders.ts";

const DEVICE = { tenant: "Plant-A", device: "Pi_4" };
const KEY = deviceKey(DEVICE);

void test("a device gets its own documents and pushes; strangers get no word", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const server = await startServer(t, { identities });
  const { url } = server.address;
  assert.match(url, /^tls:\/\/127\.0\.0\.1:\d+$/u);
  const coordinator = await openLink(t, identities.role(url, "coordinator"));
  const store = await openJetstreamStore(coordinator, { layout: FLEET_LAYOUT });
  const link = await openLink(t, identities.device(url, KEY));
  const heard = await new NatsNotifyBus(link).subscribe(notifySubject(DEVICE), {
    signal: new AbortController().signal,
  });
  await store.put("desired", KEY, bytes("1"));
  for await (const notification of heard) {
    assert.equal(notification.kind === "message" && text(notification.data), "1");
    break;
  }
  const read = await (await openExistingStore(link, FLEET_LAYOUT)).get("desired", KEY, { consistency: "any" });
  assert.equal(text(read?.value), "1");
  await coordinator.connection.flush();

  const device = identities.device(url, KEY);
  const strangers = await TestIdentities.make();
  const refused = [
    // Nobody, and another fleet's device, that trusts our certificate.
    { ...device, credentials: { kind: "none" as const } },
    { ...device, credentials: strangers.device(url, KEY).credentials },
    // A server that another authority vouches for, or that has another name.
    { ...device, tls: strangers.device(url, KEY).tls },
    { ...device, tls: { ...device.tls, serverName: "localhost" } },
  ];
  for (const settings of refused) {
    await assert.rejects(NatsLink.open(settings), { code: /unauthenticated|unavailable/u } as never);
  }
});

void test("a server says nothing before the handshake", { skip }, async (t) => {
  const server = await startServer(t, { identities: await TestIdentities.make() });
  const { hostname, port } = new URL(server.address.url);
  let heard = "";
  const socket = connectTcp(Number(port), hostname).on("data", (data) => {
    heard += String(data);
  });
  t.after(() => void socket.destroy());
  await systemClock.sleep(500);
  assert.equal(heard, "");
});

async function shownCertificate(url: string, identities: TestIdentities): Promise<{ pem: string; protocol: string }> {
  const { hostname, port } = new URL(url);
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const ca = identities.tls.current().caPem;
    const made = connectTls({ host: hostname, port: Number(port), ca, servername: NATS_NAME }, () => resolve(made));
    made.on("error", reject);
  });
  const shown = { pem: socket.getPeerX509Certificate()?.toString() ?? "", protocol: socket.getProtocol() ?? "" };
  socket.destroy();
  return shown;
}

void test("a renewed certificate is shown to new connections, and the old ones stay", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const server = await startServer(t, { identities });
  const { url } = server.address;
  const links = [
    await openLink(t, identities.role(url, "coordinator")),
    await openLink(t, identities.device(url, KEY)),
  ];
  let reconnections = 0;
  for (const link of links) link.onReconnect(() => void reconnections++);
  for (let round = 0; round < 3; round++) {
    await identities.renewCertificate();
    const wanted = new X509Certificate(identities.tls.current().certificatePem).toString();
    for (;;) {
      const { pem, protocol } = await shownCertificate(url, identities);
      assert.equal(protocol, "TLSv1.3");
      if (pem === wanted) break;
      await systemClock.sleep(20);
    }
    for (const link of links) await link.connection.flush();
  }
  await systemClock.sleep(300);
  assert.equal(reconnections, 0);
});

void test("a device whose JWT expires comes back with the next one, and misses no push", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const { url } = (await startServer(t, { identities })).address;
  const store = await openJetstreamStore(await openLink(t, identities.role(url, "coordinator")), {
    layout: FLEET_LAYOUT,
  });
  const link = await openLink(t, identities.device(url, KEY, 2000));
  let reconnections = 0;
  link.onReconnect(() => void reconnections++);
  const own = await openExistingStore(link, FLEET_LAYOUT);
  const ends = new AbortController();
  const heard = await new NatsNotifyBus(link).subscribe(notifySubject(DEVICE), { signal: ends.signal });
  let newest = "";
  const following = (async () => {
    for await (const notification of heard) {
      if (notification.kind === "message") newest = text(notification.data) ?? "";
      // What a device does: what it may have missed, it reads.
      else newest = text((await own.get("desired", KEY, { consistency: "any" }))?.value) ?? newest;
    }
  })();
  for (let push = 0; reconnections < 3; push++) {
    await store.put("desired", KEY, bytes(String(push)));
    const startedMs = Date.now();
    while (newest !== String(push)) {
      assert.ok(Date.now() - startedMs < 5000, `push ${push} was not heard`);
      await systemClock.sleep(5);
    }
    await systemClock.sleep(50);
  }
  assert.equal(link.isClosed, false);
  ends.abort();
  await following;
});

void test("a revoked device is off at once, and stays off when the server starts again", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const folder = await temporaryFolder(t);
  const server = await startServer(t, { identities, folder, random: () => 0 });
  const { url } = server.address;
  const system = await openLink(t, identities.role(url, "system"));
  const settings = identities.device(url, KEY);
  // As one that has a long-lived JWT and a copy of its seed.
  const link = await openLink(t, settings);
  const other = await openLink(t, identities.device(url, deviceKey({ tenant: "Plant-A", device: "other" })));
  // Its JWTs from now on would count again.
  const old = settings.credentials.jwt();
  const stolen = { ...settings, credentials: { ...settings.credentials, jwt: () => old } };
  identities.revocations.set(settings.publicNkey, Date.now());
  await assert.rejects(pushAccount(other, identities.revokedClaims()));
  const startedMs = Date.now();
  await pushAccount(system, identities.revokedClaims());
  let isOff = false;
  void link.connection.closed().then(() => (isOff = true));
  const down = link.connection.status()[Symbol.asyncIterator]();
  for (;;) {
    const { value } = await down.next();
    if (value?.type === "disconnect") break;
  }
  assert.ok(Date.now() - startedMs < 2000);
  assert.equal(isOff, false);
  await assert.rejects(NatsLink.open(stolen), { code: "unauthenticated" });
  await other.connection.flush();
  // The server reads its configuration again, in which the account is an older one.
  await identities.renewCertificate();
  await systemClock.sleep(200);
  await assert.rejects(NatsLink.open(stolen), { code: "unauthenticated" });

  // Killed, and stopped: it comes back with what was pushed.
  const { pid } = server;
  process.kill(pid, "SIGKILL");
  while (server.pid === pid) await systemClock.sleep(20);
  await assert.rejects(NatsLink.open(stolen), { code: "unauthenticated" });
  await server.stop();
  const again = await startServer(t, { folder, identities });
  const restarted = { ...stolen, servers: [again.address.url] };
  await assert.rejects(NatsLink.open(restarted), { code: "unauthenticated" });
  await (await openLink(t, identities.device(again.address.url, KEY))).connection.flush();
});

void test("a store made without identities is read with them, and back", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const folder = await temporaryFolder(t);
  const plain = await startServer(t, { folder });
  const before = await openJetstreamStore(await openLink(t, plain.address.url), { layout: FLEET_LAYOUT });
  await before.put("desired", KEY, bytes("kept"));
  await plain.stop();
  const server = await startServer(t, { folder, identities });
  const link = await openLink(t, identities.role(server.address.url, "coordinator"));
  const store = await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  assert.equal(text((await store.get("desired", KEY))?.value), "kept");
  await server.requireStreams();
  await store.put("desired", KEY, bytes("kept too"));
  await server.stop();
  // A look at it changes nothing, and lets nobody in meanwhile.
  const account = await streamsFolder(folder);
  const found = await checkStore({ binary: binary(), folder });
  assert.equal(found.find(({ name }) => name === "KV_desired")?.size.entries, 2);
  const sealed = await startServer(t, { folder, isSealed: true });
  const refused = { servers: [sealed.address.url], name: "test", reconnectCapMs: 50 };
  await assert.rejects(NatsLink.open(refused), { code: "unauthenticated" });
  await sealed.stop();
  assert.equal(await streamsFolder(folder), account);
  const back = await startServer(t, { folder });
  const after = await openJetstreamStore(await openLink(t, back.address.url), { layout: FLEET_LAYOUT });
  assert.equal(text((await after.get("desired", KEY))?.value), "kept too");
});
