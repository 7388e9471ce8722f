import assert from "node:assert/strict";
import { type ClientHttp2Session, connect } from "node:http2";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { MpoError } from "@mpo/core";
import { FLEET_SERVICE, GRPC_STATUS } from "@mpo/protocol";
import {
  type AdminClient,
  createAdminClient,
  createFleetClient,
  type FleetClient,
  startGrpcServer,
} from "@mpo/transport";
import { servicesOf } from "./api/services.ts";
import type { Coordinator } from "./coordinator.ts";
import {
  CALL,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  reportOf,
  startCoordinator,
} from "./testing/tiny-fleet.ts";

interface Fleet {
  readonly coordinator: Coordinator;
  readonly target: string;
  readonly device: FleetClient;
  readonly admin: AdminClient;
}

async function listening(context: TestContext): Promise<Fleet> {
  const coordinator = await startCoordinator(freshServer());
  const server = await startGrpcServer({ services: servicesOf(coordinator) });
  const { target } = server;
  const device = createFleetClient({ targets: [target], retries: 0 });
  const admin = createAdminClient({ targets: [target], retries: 0 });
  context.after(async () => {
    device.close();
    admin.close();
    await server.stop({ graceMs: 0 });
    await coordinator.stop();
  });
  return { coordinator, target, device, admin };
}

void describe("a coordinator behind its listener", () => {
  void it("serves devices and people, from hello to a document", async (context) => {
    const { device, admin } = await listening(context);
    const identity = identityOf("pi-1");
    assert.equal(
      (await device.enroll({ identity, inventory: helloOf("pi-1").inventory, labels: [] })).state,
      "accepted",
    );
    await device.hello(helloOf("pi-1"));
    const ends = new AbortController();
    const seen = (async () => {
      for await (const { event } of admin.watchEvents({ tenant: "acme", afterSequence: 1 }, { signal: ends.signal })) {
        if (event.kind === "config-pushed") return event;
      }
      return undefined;
    })();
    const stored = await device.reportProfile(reportOf("pi-1", "r1"));
    assert.deepEqual([stored.isDuplicate, stored.needsChain], [false, false]);
    assert.equal((await device.reportProfile(reportOf("pi-1", "r1"))).isDuplicate, true);
    const { document } = await eventually(() => admin.getConfig({ identity }).catch(() => undefined));
    assert.deepEqual(document.version, { epoch: 1, version: 1 });
    assert.equal((await seen)?.device, "pi-1");
    ends.abort();
    const { devices } = await admin.listDevices({ tenant: "acme", pageSize: 10 });
    assert.deepEqual(
      devices.map((one) => one.desiredVersion),
      [document.version],
    );
    await assert.rejects(admin.getConfig({ identity: identityOf("pi-2") }), { code: "not-found" });
    const why = await admin.explainConfig({ identity });
    assert.ok(why.explanation.considered > 0);
  });

  void it("takes a long report over a link that breaks, each part once", async (context) => {
    const { coordinator, target, device } = await listening(context);
    await device.hello(helloOf("pi-1"));
    const repeats = (from: number): readonly number[] => Array.from({ length: 64 }, (_, at) => 2 + Math.sin(from + at));
    const { profile, ...rest } = reportOf("pi-1", "r1");
    const unitTimes = profile.unitTimes.map((times, unit) => ({
      ...times,
      forwardMs: repeats(100 * unit),
      backwardMs: repeats(7_000 + 100 * unit),
    }));
    const report = { ...rest, profile: { ...profile, unitTimes } };
    const link = await breakingLink(context, Number(target.split(":")[1]), 9_000);
    const answers: unknown[] = [];
    for (let start = 1; answers.length === 0; start++) {
      // Each attempt is another start of the agent, as after a power cut.
      const client = createFleetClient({ targets: [`127.0.0.1:${link.port}`], retries: 0 });
      context.after(() => client.close());
      const instance = { instanceId: `start-${start}` };
      await client.reportProfile({ ...report, instance }).then(
        (answer) => answers.push(answer),
        (thrown: unknown) => assert.equal(MpoError.from(thrown).code, "unavailable", String(thrown)),
      );
    }
    assert.deepEqual(answers, [{ isDuplicate: false, revision: 1, needsChain: false }]);
    const { connections, carriedBytes } = link.seen();
    const wholeBytes = gzipSync(FLEET_SERVICE.reportProfile.request.toBytes(report)).length;
    assert.ok(wholeBytes > 9_000 && connections > 1, `${wholeBytes} bytes over ${connections} connections`);
    assert.ok(carriedBytes < 2 * wholeBytes, `${carriedBytes} bytes for ${wholeBytes}`);
    const { text } = await coordinator.metrics.page();
    assert.match(text, /^mpo_calls_total\{method="reportProfilePart",code="ok"\} \d+$/mu);
    assert.equal((await device.reportProfile(report)).isDuplicate, true);
  });

  void it("cuts a page of devices that would be longer than a message", async (context) => {
    const { coordinator, admin } = await listening(context);
    const longest = (length: number): string => "\u20ac".repeat(length);
    const names = Array.from({ length: 100 }, (_, at) => `pi-${100 + at}`);
    const labels = Array.from({ length: 32 }, (_, at) => ({ name: `label-${at}`, value: longest(128) }));
    const message = longest(512);
    const conditions = Array.from({ length: 32 }, () => ({ code: "unreadable", sinceMs: 0, message }) as const);
    for (const name of names) {
      const { identity, resources, ...hello } = helloOf(name, { labels });
      await coordinator.fleet.hello({ identity, resources, ...hello }, CALL);
      await coordinator.fleet.heartbeat({ identity, resources, conditions }, CALL);
    }
    const sizes: number[] = [];
    const found: string[] = [];
    for (let pageToken: string | undefined, isLast = false; !isLast; isLast = pageToken === undefined) {
      const page = await admin.listDevices({ tenant: "acme", pageSize: 500, pageToken });
      sizes.push(page.devices.length);
      found.push(...page.devices.map(({ identity }) => identity.device));
      pageToken = page.nextPageToken;
    }
    assert.deepEqual(found, names);
    assert.deepEqual(sizes, [63, 37]);
  });

  void it("counts calls", async (context) => {
    const { coordinator, device } = await listening(context);
    await device.hello(helloOf("pi-1"));
    await assert.rejects(device.reportProfile(reportOf("pi-2", "r1")), { code: "not-found" });
    const { text } = await coordinator.metrics.page();
    assert.match(text, /^mpo_calls_total\{method="hello",code="ok"\} 1$/mu);
    assert.match(text, /^mpo_calls_total\{method="reportProfile",code="not-found"\} 1$/mu);
  });

  void it("refuses what is malformed, and goes on", async (context) => {
    const { target, device } = await listening(context);
    await device.hello(helloOf("pi-1"));
    const { path, request } = FLEET_SERVICE.reportProfile;
    const good = request.toBytes(reportOf("pi-1", "r1"));
    const http = connect(`http://${target}`);
    // The server ends the session when it stops; that is no news.
    http.on("error", () => undefined);
    context.after(() => http.close());
    const refused = new Set<number>();
    for (let seed = 1; seed <= 30; seed++) {
      const bytes = Uint8Array.from(good);
      for (let edit = 0; edit < 12; edit++) {
        bytes[(seed * 7919 + edit * 104_729) % bytes.length] = (seed * 31 + edit * 17) % 256;
      }
      refused.add(await rawCall(http, path, bytes.subarray(0, bytes.length - (seed % 3))));
    }
    // A change within a number may still be good; nothing may be a failure of the coordinator.
    for (const status of refused)
      assert.ok(
        [GRPC_STATUS.ok, GRPC_STATUS.invalidArgument, GRPC_STATUS.notFound].some((one) => one === status),
        String(status),
      );
    assert.ok(refused.has(GRPC_STATUS.invalidArgument));
    assert.notEqual(await rawCall(http, path, new Uint8Array(5_000_000)), GRPC_STATUS.ok);
    assert.equal((await device.reportProfile(reportOf("pi-1", "fresh"))).isDuplicate, false);
  });
});

/** A link to a port whose connections break after so many bytes. */
async function breakingLink(
  context: TestContext,
  port: number,
  afterBytes: number,
): Promise<{ readonly port: number; seen(): { readonly connections: number; readonly carriedBytes: number } }> {
  let [connections, carriedBytes] = [0, 0];
  const server = createServer((socket) => {
    connections += 1;
    let left = afterBytes;
    const to = createConnection(port, "127.0.0.1");
    for (const end of [socket, to]) {
      end.on("error", () => undefined);
      end.on("close", () => {
        socket.destroy();
        to.destroy();
      });
    }
    socket.on("data", (bytes) => {
      carriedBytes += bytes.length;
      left -= bytes.length;
      if (left < 0) socket.destroy();
      else to.write(bytes);
    });
    to.pipe(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  context.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, seen: () => ({ connections, carriedBytes }) };
}

const FRAME_BYTES = 5;

/** Sends bytes that no client would, as gRPC over HTTP/2; resolves to the status. */
function rawCall(http: ClientHttp2Session, path: string, message: Uint8Array): Promise<number> {
  const frame = Buffer.alloc(FRAME_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_BYTES);
  return new Promise((resolve, reject) => {
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = http.request(headers);
    const read = (from: Readonly<Record<string, unknown>>): void => {
      if (from["grpc-status"] !== undefined) resolve(Number(from["grpc-status"]));
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("error", reject);
    stream.resume();
    stream.end(frame);
  });
}
