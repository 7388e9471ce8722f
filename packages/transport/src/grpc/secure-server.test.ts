import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { COORDINATOR_NAME } from "@mpo/identity";
import { ADMIN_SERVICE, FLEET_SERVICE, GRPC_STATUS } from "@mpo/protocol";
import { createLogger } from "@mpo/runtime";
import { ALIVE, connectFleet, HEARTBEAT, handlers, IDENTITY } from "../test-support/grpc-room.ts";
import { Authority, byCertificate, ChangingSource, startSecure } from "../test-support/tls-room.ts";
import { createAdminClient } from "./admin-client.ts";
import { adminService, fleetService } from "./grpc-server.ts";

const LIST = { tenant: "acme", pageSize: 1 };
const DAY_MS = 86_400_000;
const code = (expected: string): { readonly name: string; readonly code: string } => ({
  name: "MpoError",
  code: expected,
});

void test("a device is who its certificate says, whatever its request claims", async (t) => {
  const authority = await Authority.create();
  const seen: unknown[] = [];
  const certificates = new Set<unknown>();
  const own = handlers({
    heartbeat: (request, { deviceId, person }) => {
      seen.push(request.identity.device, deviceId, person);
      return Promise.resolve(ALIVE);
    },
  });
  const server = await startSecure(t, await authority.server(), {
    services: [fleetService(own)],
    identify: {
      ...byCertificate,
      device: (facts, path) => {
        certificates.add(facts.certificate);
        return byCertificate.device(facts, path);
      },
    },
  });
  const tls = new ChangingSource(await authority.device({}, { tenant: "acme", device: "other" }));
  const client = connectFleet(t, server.target, { tls });
  await client.heartbeat(HEARTBEAT);
  assert.deepEqual(seen, [IDENTITY.device, "acme.other", undefined]);
  await client.heartbeat(HEARTBEAT);
  assert.equal(certificates.size, 1, "the same object for every call, so that what is read from it can be kept");
});

void test("a certificate that does not verify is refused, whatever is wrong with it", async (t) => {
  const authority = await Authority.create();
  const stranger = await Authority.create();
  let calls = 0;
  const lines: string[] = [];
  const server = await startSecure(t, await authority.server(), {
    services: [
      fleetService(handlers({ heartbeat: () => Promise.resolve({ ...ALIVE, serverTimeMs: ++calls }) })),
      adminOf(),
    ],
    logger: createLogger({ write: (line) => void lines.push(line) }),
  });
  const { caPem } = authority;
  const bad = {
    "another authority's": await stranger.device(),
    expired: await authority.device({ nowMs: Date.now() - 8 * DAY_MS }),
    "not yet valid": await authority.device({ nowMs: Date.now() + DAY_MS }),
    "a server's": await authority.server(),
  };
  for (const [what, material] of Object.entries(bad)) {
    const tls = new ChangingSource({ ...material, caPem });
    const client = connectFleet(t, server.target, { tls });
    await assert.rejects(
      client.heartbeat(HEARTBEAT),
      { ...code("unauthenticated"), message: /refuses this machine's certificate/u },
      what,
    );
    const admin = createAdminClient({ targets: [server.target], tls, bearer: () => "mpo_ada", retries: 0 });
    t.after(() => admin.close());
    await assert.rejects(admin.listDevices(LIST), code("unauthenticated"), `${what}, with a token`);
  }
  assert.equal(calls, 0);
  assert.equal(lines.length, 1, "said once a minute");
  assert.match(lines[0] ?? "", /SELF_SIGNED_CERT_IN_CHAIN.*does not verify/u);
  const good = connectFleet(t, server.target, { tls: new ChangingSource(await authority.device()) });
  assert.equal((await good.heartbeat(HEARTBEAT)).serverTimeMs, 1);
});

void test("what comes without any proof may enrol, and is refused otherwise before its body is read", async (t) => {
  const authority = await Authority.create();
  const asked: string[] = [];
  const server = await startSecure(t, await authority.server(), {
    services: [fleetService(handlers())],
    identify: {
      device: (_, path) => void asked.push(path),
      person: () => undefined,
    },
  });
  const client = connectFleet(t, server.target, { tls: new ChangingSource({ caPem: authority.caPem }) });
  await assert.rejects(client.heartbeat(HEARTBEAT), {
    ...code("unauthenticated"),
    message: /neither a certificate nor a token/u,
  });
  assert.deepEqual(asked, []);
  const raw = rawClient(server.target, authority.caPem);
  t.after(() => raw.close());
  // Garbage would be refused as such if it were looked at; this call never ends its body either.
  const refused = await new Promise<ServiceError>((resolve) => {
    const call = raw.makeClientStreamRequest<Buffer, Buffer>(FLEET_SERVICE.heartbeat.path, same, same, (error) =>
      resolve(error as ServiceError),
    );
    call.write(Buffer.from([0xff, 0xff, 0xff]));
  });
  assert.equal(refused.code, GRPC_STATUS.unauthenticated);
  assert.equal(
    (await unary(raw, FLEET_SERVICE.enroll.path, Buffer.from([0xff]))).code,
    GRPC_STATUS.invalidArgument,
    "the one call that is open is decoded",
  );
  assert.deepEqual(asked, [FLEET_SERVICE.enroll.path]);
});

void test("a request is decoded when it is asked whom it claims to be from, and not for who is refused before", async (t) => {
  const authority = await Authority.create();
  const server = await startSecure(t, await authority.server(), {
    services: [adminOf()],
    identify: {
      device: () => undefined,
      person: ({ bearer }) => byCertificate.person({ bearer, claimed: undefined, peer: "" }, ""),
    },
  });
  const raw = rawClient(server.target, authority.caPem);
  t.after(() => raw.close());
  const garbage = Buffer.from([0xff, 0xff]);
  const { path } = ADMIN_SERVICE.getDevice;
  const status = async (authorization?: string): Promise<number | undefined> =>
    (await unary(raw, path, garbage, authorization)).code;
  assert.equal(await status("Bearer mpo_ada"), GRPC_STATUS.invalidArgument);
  for (const bad of [undefined, "", "Bearer ", "Basic mpo_ada", `Bearer ${"x".repeat(5000)}`, "Bearer a b"]) {
    assert.equal(await status(bad), GRPC_STATUS.unauthenticated, bad);
  }
});

void test("people are who their token says, over TLS with no certificate", async (t) => {
  const authority = await Authority.create();
  const names: unknown[] = [];
  const server = await startSecure(t, await authority.server(), { services: [adminOf(names)] });
  const admin = createAdminClient({
    targets: [server.target],
    tls: new ChangingSource({ caPem: authority.caPem }),
    bearer: () => "mpo_ada",
  });
  t.after(() => admin.close());
  assert.equal((await admin.listDevices(LIST)).devices.length, 0);
  assert.deepEqual(names, ["ada", undefined]);
});

void test("renewed certificates serve new connections; a pair that does not fit is refused, and the old one stays", async (t) => {
  const authority = await Authority.create();
  const first = await authority.server();
  const second = await authority.server();
  const source = new ChangingSource(first);
  const lines: string[] = [];
  const server = await startSecure(t, source, { logger: createLogger({ write: (line) => void lines.push(line) }) });
  assert.equal(await shown(server.port), first.certificatePem.slice(0, 200));
  source.change({ ...second, privateKeyPem: first.privateKeyPem });
  assert.match(lines.join(""), /key values mismatch.*of no use; the one before it stays/u);
  assert.equal(await shown(server.port), first.certificatePem.slice(0, 200));
  source.change({ ...second, certificatePem: "half-writ" });
  assert.equal(await shown(server.port), first.certificatePem.slice(0, 200));
  source.change(second);
  assert.equal(await shown(server.port), second.certificatePem.slice(0, 200));
  await assert.rejects(shown(server.port, "TLSv1.2"), /version|handshake/u);
  const secrets = [first, second].flatMap(({ privateKeyPem }) => privateKeyPem.split("\n").slice(1, -2));
  for (const secret of secrets) assert.ok(!lines.join("").includes(secret));
  await server.stop({ graceMs: 0 });
  assert.equal(source.listeners, 0);
});

void test("an authority that is added lets its devices in, one that is taken away locks them out", async (t) => {
  const [old, young] = [await Authority.create(), await Authority.create()];
  const material = await old.server();
  const both = old.caPem + young.caPem;
  const source = new ChangingSource({ ...material, caPem: both });
  const server = await startSecure(t, source);
  const call = async (authority: Authority): Promise<unknown> => {
    const tls = new ChangingSource({ ...(await authority.device()), caPem: both });
    return await connectFleet(t, server.target, { tls }).heartbeat(HEARTBEAT);
  };
  assert.deepEqual([await call(old), await call(young)], [ALIVE, ALIVE]);
  source.change({ ...(await young.server()), caPem: young.caPem });
  assert.deepEqual(await call(young), ALIVE);
  await assert.rejects(call(old), code("unauthenticated"));
});

void test("a server that cannot use its certificate does not start, and leaves nothing behind", async (t) => {
  const authority = await Authority.create();
  const [one, other] = [await authority.server(), await authority.server()];
  const source = new ChangingSource({ ...one, privateKeyPem: other.privateKeyPem });
  await assert.rejects(startSecure(t, source), { ...code("invalid-data"), message: /key values mismatch/u });
  const good = new ChangingSource(one);
  const { port } = await startSecure(t, good);
  await assert.rejects(startSecure(t, good, { port }), code("unavailable"));
  assert.equal(good.listeners, 1);
});

void test("connections are turned over under load without a failed call", async (t) => {
  const authority = await Authority.create();
  const peers = new Set<string>();
  const server = await startSecure(t, await authority.server(), {
    maxConnectionAgeMs: 150,
    quota: { perSecond: 1e6, burst: 1e6 },
    identify: {
      ...byCertificate,
      device: (facts, path) => {
        peers.add(facts.peer);
        return byCertificate.device(facts, path);
      },
    },
  });
  const tls = new ChangingSource(await authority.device());
  const until = performance.now() + 3_000;
  let calls = 0;
  const load = async (): Promise<void> => {
    const client = connectFleet(t, server.target, { tls });
    for (; performance.now() < until; calls += 8) {
      await Promise.all(Array.from({ length: 8 }, () => client.heartbeat(HEARTBEAT)));
    }
  };
  await Promise.all(Array.from({ length: 4 }, load));
  t.diagnostic(`${calls} calls over ${peers.size} connections`);
  assert.ok(calls > 200 && peers.size > 20, `${calls} calls over ${peers.size} connections`);
});

const same = (bytes: Buffer): Buffer => bytes;

function rawClient(target: string, caPem: string): Client {
  return new Client(target, credentials.createSsl(Buffer.from(caPem)), {
    "grpc.ssl_target_name_override": COORDINATOR_NAME,
  });
}

function unary(client: Client, path: string, bytes: Buffer, authorization?: string): Promise<Partial<ServiceError>> {
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set("authorization", authorization);
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, bytes, metadata, (error) => resolve(error ?? {}));
  });
}

/** The beginning of the certificate that a server shows. */
function shown(port: number, maxVersion: "TLSv1.2" | "TLSv1.3" = "TLSv1.3"): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      maxVersion,
      ALPNProtocols: ["h2"],
    });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve((socket.getPeerX509Certificate()?.toString() ?? "").slice(0, 200));
      socket.destroy();
    });
  });
}

function adminOf(names: unknown[] = []): ReturnType<typeof adminService> {
  const listDevices: Parameters<typeof adminService>[0]["listDevices"] = (_, { person, deviceId }) => {
    names.push(person?.name, deviceId);
    return Promise.resolve({ devices: [], serverTimeMs: 1 });
  };
  const all = Object.keys(ADMIN_SERVICE).map((name) => [name, () => Promise.reject(new Error("not in this test"))]);
  return adminService({ ...Object.fromEntries(all), listDevices } as Parameters<typeof adminService>[0]);
}
