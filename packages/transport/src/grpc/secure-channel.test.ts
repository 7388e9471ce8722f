import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { createServer as createTls } from "node:tls";
import { fingerprintOf, isIssuedBy } from "@mpo/identity";
import { ALIVE, connectFleet, HEARTBEAT, handlers, join, startFleet, startTcp } from "../test-support/grpc-room.ts";
import { Authority, byCertificate, ChangingSource, startSecure } from "../test-support/tls-room.ts";
import { freePorts } from "../testing/free-ports.ts";
import { createAdminClient } from "./admin-client.ts";
import { fetchChain } from "./fetch-chain.ts";
import type { FleetClient } from "./fleet-client.ts";
import { createFleetClient } from "./fleet-client.ts";
import { fleetService, type GrpcServer } from "./grpc-server.ts";

const DAY_MS = 86_400_000;

void test("a failure of TLS says what it is, and whether trying again helps", async (t) => {
  const [authority, other] = [await Authority.create(), await Authority.create()];
  const { caPem } = authority;
  const trust = new ChangingSource({ caPem });
  const serving = async (material: Parameters<typeof startSecure>[1]): Promise<string> =>
    (await startSecure(t, material)).target;
  const https = createHttps({ cert: (await authority.server()).certificatePem, key: "" });
  const good = await authority.server();
  https.setSecureContext({ cert: good.certificatePem, key: good.privateKeyPem });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  t.after(() => https.close());
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [await serving(await other.server()), "unauthenticated", /shows a certificate of another authority/u],
    [
      await serving(await authority.server({ nowMs: Date.now() - 8 * DAY_MS })),
      "unauthenticated",
      /the certificate of the coordinator at .* has expired/u,
    ],
    [
      await serving(await authority.server({ nowMs: Date.now() + DAY_MS })),
      "unauthenticated",
      /the certificate of the coordinator at .* is not valid yet/u,
    ],
    [await serving(await authority.server({}, ["nats.mpo.internal"])), "unauthenticated", /not a coordinator/u],
    [await serving(await authority.device()), "unauthenticated", /not a coordinator/u],
    [(await startFleet(t)).target, "unavailable", /speaks no TLS/u],
    [`127.0.0.1:${(https.address() as AddressInfo).port}`, "unavailable", /speaks no TLS, or is not a coordinator/u],
    [`127.0.0.1:${await startTcp(t, (socket) => socket.end("SSH-2.0\r\n"))}`, "unavailable", /speaks no TLS/u],
  ];
  for (const [target, code, message] of cases) {
    await assert.rejects(
      connectFleet(t, target, { tls: trust }).heartbeat(HEARTBEAT),
      (error: Error & { hint?: string }) => {
        assert.match(error.message, message);
        assert.ok(error.message.includes(target) && error.hint !== undefined);
        assert.deepEqual(error, Object.assign(error, { code }));
        return true;
      },
    );
  }
  await assert.rejects(connectFleet(t, await serving(good)).heartbeat(HEARTBEAT), {
    code: "unavailable",
    message: /may speak TLS only/u,
    hint: /--insecure/u,
  });
});

void test("a renewed certificate is shown by new calls, while those that run end on the old connection", async (t) => {
  const authority = await Authority.create();
  const certificates: string[] = [];
  let answer = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let isHeld = true;
  const server = await startSecure(t, await authority.server(), {
    services: [fleetService(handlers({ heartbeat: () => (isHeld ? held.then(() => ALIVE) : Promise.resolve(ALIVE)) }))],
    identify: {
      ...byCertificate,
      device: (facts, path) => {
        certificates.push(fingerprintOf(facts.certificate ?? ""));
        return byCertificate.device(facts, path);
      },
    },
  });
  const [first, second] = [await authority.device(), await authority.device()];
  const tls = new ChangingSource(first);
  const client = connectFleet(t, server.target, { tls });
  const running = client.heartbeat(HEARTBEAT);
  while (server.running === 0) await pause(5);
  isHeld = false;
  tls.change(second);
  assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
  // A pair that does not fit changes nothing.
  tls.change({ ...first, privateKeyPem: second.privateKeyPem });
  assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
  answer();
  assert.deepEqual(await running, ALIVE);
  const of = (material: typeof first): string => fingerprintOf(material.certificatePem);
  assert.deepEqual(certificates, [of(first), of(second), of(second)]);
  client.close();
  assert.equal(tls.listeners, 0);
});

void test("certificates are renewed again and again under load without a failed call", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server(), { quota: { perSecond: 1e6, burst: 1e6 } });
  const materials = await Promise.all(Array.from({ length: 4 }, () => authority.device()));
  const tls = new ChangingSource(materials[0] as (typeof materials)[0]);
  const client = connectFleet(t, server.target, { tls });
  let isLoading = true;
  const load = async (): Promise<void> => {
    while (isLoading) await client.heartbeat(HEARTBEAT);
  };
  const loads = Array.from({ length: 8 }, load);
  for (let renewal = 0; renewal < 40; renewal++) {
    await pause(25);
    tls.change(materials[renewal % 4] as (typeof materials)[0]);
  }
  isLoading = false;
  await Promise.all(loads);
});

void test("a client goes to the next coordinator when its own dies, and comes back when all were away", async (t) => {
  const authority = await Authority.create();
  const ports = await freePorts(2);
  const start = async (at: number): Promise<GrpcServer> => {
    const heartbeat = (): Promise<typeof ALIVE> => Promise.resolve({ ...ALIVE, serverTimeMs: at });
    const services = [fleetService(handlers({ heartbeat }))];
    return await startSecure(t, await authority.server(), { services, port: ports[at] as number });
  };
  const servers = [await start(0), await start(1)];
  const client = fleetOf(t, ports, { tls: new ChangingSource(await authority.device()) });
  const at = async (): Promise<number> => (await client.heartbeat(HEARTBEAT)).serverTimeMs;
  assert.equal(await at(), 0);
  await servers[0]?.stop({ graceMs: 0 });
  const began = performance.now();
  assert.equal(await within(2_000, at), 1);
  t.diagnostic(`on the other one after ${Math.round(performance.now() - began)} ms`);
  await servers[1]?.stop({ graceMs: 0 });
  await assert.rejects(client.heartbeat(HEARTBEAT), { code: "unavailable" });
  await assert.rejects(client.heartbeat(HEARTBEAT), { code: "unavailable" });
  await pause(1_000);
  await start(0);
  assert.equal(await within(2_000, at), 0);
});

void test("a coordinator that is silent, or is not the fleet's, is left for the next within seconds", async (t) => {
  const [authority, other] = [await Authority.create(), await Authority.create()];
  const good = await startSecure(t, await authority.server());
  const strange = await startSecure(t, await other.server());
  const mute = await startTcp(t, () => undefined);
  const tls = new ChangingSource(await authority.device());
  const left = fleetOf(t, [strange.port, good.port], { tls });
  await assert.rejects(left.heartbeat(HEARTBEAT), {
    code: "unauthenticated",
    message: new RegExp(strange.target, "u"),
  });
  assert.deepEqual(await left.heartbeat(HEARTBEAT), ALIVE);
  const client = fleetOf(t, [mute, good.port], { tls });
  const began = performance.now();
  assert.deepEqual(await within(5_000, () => client.heartbeat(HEARTBEAT)), ALIVE);
  t.diagnostic(`on the other one after ${Math.round(performance.now() - began)} ms`);
});

void test("a fleet spreads over its coordinators, a device keeps to one", async (t) => {
  const counts = [0, 0];
  const servers = await Promise.all(
    counts.map((_, at) => startFleet(t, { heartbeat: () => Promise.resolve({ ...ALIVE, serverTimeMs: at }) })),
  );
  for (let device = 0; device < 20; device++) {
    const client = fleetOf(
      t,
      servers.map(({ port }) => port),
      { random: () => device / 20 },
    );
    const first = (await client.heartbeat(HEARTBEAT)).serverTimeMs;
    assert.equal((await client.heartbeat(HEARTBEAT)).serverTimeMs, first);
    counts[first] = (counts[first] ?? 0) + 1;
    client.close();
  }
  assert.deepEqual(counts, [10, 10]);
  assert.throws(() => fleetOf(t, []), { code: "invalid-argument" });
  assert.throws(
    () =>
      fleetOf(
        t,
        Array.from({ length: 9 }, () => 1),
      ),
    { code: "invalid-argument" },
  );
});

void test("devices spread over the addresses of one name, and go round one that is dead", async (t) => {
  const counts = [0, 0];
  const servers = await Promise.all(
    counts.map((_, at) => startFleet(t, { heartbeat: () => Promise.resolve({ ...ALIVE, serverTimeMs: at }) })),
  );
  // As a name with these addresses.
  const name = `ipv4:${servers.map(({ target }) => target).join(",")}`;
  const call = async (at: number): Promise<number> =>
    (await connectFleet(t, name, { random: () => at }).heartbeat(HEARTBEAT)).serverTimeMs;
  for (let device = 0; device < 10; device++) {
    const at = await call(device / 10);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  assert.deepEqual(counts, [5, 5]);
  await servers[0]?.stop({ graceMs: 0 });
  for (let device = 0; device < 10; device++) assert.equal(await call(device / 10), 1);
});

void test("a token crosses over TLS, or to this machine, and never otherwise in clear text", async (t) => {
  const bearer = (): string => "mpo_secret";
  assert.throws(() => createAdminClient({ targets: ["127.0.0.1:1", "192.0.2.1:7443"], bearer }), {
    code: "invalid-argument",
    message: /192\.0\.2\.1:7443 in clear text/u,
  });
  const { caPem } = await Authority.create();
  for (const options of [
    { targets: ["192.0.2.1:7443"], tls: new ChangingSource({ caPem }) },
    { targets: ["127.0.0.1:7443", "[::1]:7443", "localhost:7443"] },
  ]) {
    const admin = createAdminClient({ ...options, bearer });
    t.after(() => admin.close());
  }
});

void test("the chain that a server shows is fetched, and nothing is sent", async (t) => {
  const authority = await Authority.create();
  const material = await authority.server();
  const server = await startSecure(t, material, { unprovenMs: 60_000 });
  const opened = new Set<Socket>();
  const port = await startTcp(t, (socket) => {
    opened.add(socket);
    join(socket, server.port);
  });
  const chain = await fetchChain(`127.0.0.1:${port}`);
  assert.equal(chain, material.certificatePem);
  const [leaf = "", ca = ""] = chain.split(/(?<=-----END CERTIFICATE-----\n)/u);
  assert.equal(fingerprintOf(ca), fingerprintOf(authority.caPem));
  assert.ok(isIssuedBy(leaf, ca));
  for (const socket of opened) if (!socket.destroyed) await once(socket, "close");
  const mute = `127.0.0.1:${await startTcp(t, () => undefined)}`;
  await assert.rejects(fetchChain(mute, { timeoutMs: 200 }), { code: "timed-out" });
  const stop = new AbortController();
  const stopped = assert.rejects(fetchChain(mute, { signal: stop.signal }), { code: "cancelled" });
  await pause(50);
  stop.abort();
  await stopped;
  await assert.rejects(fetchChain("127.0.0.1:1"), {
    code: "unavailable",
    message: /127\.0\.0\.1:1 cannot be reached/u,
  });
  const plain = await startFleet(t);
  await assert.rejects(fetchChain(plain.target), { code: "unavailable", message: /speaks no TLS/u });
  // As a NATS server of the fleet answers.
  const nats = createTls({ cert: material.certificatePem, key: material.privateKeyPem }).listen(0, "127.0.0.1");
  t.after(() => nats.close());
  await once(nats, "listening");
  const { port: natsPort } = nats.address() as AddressInfo;
  await assert.rejects(fetchChain(`127.0.0.1:${natsPort}`), { code: "unavailable", message: /is not a coordinator/u });
  const closing = `127.0.0.1:${await startTcp(t, (socket) => socket.destroy())}`;
  await assert.rejects(fetchChain(closing), { code: "unavailable" });
});

type Options = Partial<Parameters<typeof createFleetClient>[0]>;

function fleetOf(t: { after(end: () => void): void }, ports: readonly number[], options: Options = {}): FleetClient {
  const targets = ports.map((port) => `127.0.0.1:${port}`);
  const client = createFleetClient({ targets, retries: 0, random: () => 0, ...options });
  t.after(() => client.close());
  return client;
}

/** The first answer; fails when it takes longer. */
async function within<T>(ms: number, call: () => Promise<T>): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      if (performance.now() > end) throw thrown;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
