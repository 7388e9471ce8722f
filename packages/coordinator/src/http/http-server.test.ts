import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:https";
import { connect } from "node:net";
import { it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { MpoError } from "@mpo/core";
import { type CertifiedKey, COORDINATOR_NAME, createCertificateAuthority, issueServerCertificate } from "@mpo/identity";
import { silentLogger } from "@mpo/runtime";
import { NO_DEVICES, NOTHING_COUNTED } from "../test-support/no-counts.ts";
import { probeReport, RUNG, windowReport } from "../testing/tiny-fleet.ts";
import { type HttpServer, startHttpServer } from "./http-server.ts";
import { createMetrics } from "./metrics.ts";
import { statusRoutes } from "./status-routes.ts";

void it("the status server tells of health, readiness and counts", async (context) => {
  const metrics = createMetrics({
    ...NOTHING_COUNTED,
    waitingIndexes: () => 2,
    storeUse: async () => ({
      streams: [{ name: "audit", usedBytes: 5, limitBytes: 50 }],
      servers: [
        { name: "n1", isAway: false },
        { name: "n2", isAway: true },
      ],
      diskFreeBytes: 500,
    }),
    differingCopies: () => [{ stream: "audit", server: "n1", sequence: 7, isCertain: true }],
    certificates: () => [{ name: "listener", notBeforeMs: 1_000, notAfterMs: 2_000 }],
    devices: () => ({ ...NO_DEVICES, online: 2, offline: 1, behind: 1, conditions: new Map([["throttled", 1]]) }),
    profiles: () => 2,
    waitingSearches: () => 1,
    storeLagMs: () => 12,
    takesWrites: () => false,
    rollouts: () => ({ phases: new Map([["halted", 1]]), devices: new Map([["offline", 3]]), stillMs: 90_000 }),
  });
  metrics.reported(false);
  metrics.reported(false, probeReport("pi-1", 1, 0, "too busy").status);
  const late = windowReport("pi-1", 2, RUNG).status;
  if (late.kind !== "window") assert.fail();
  const over = { ...late.window, outcome: "out-of-time", peakBytes: RUNG.memoryBytes.upper + 1 } as const;
  metrics.reported(false, { kind: "window", window: over });
  metrics.reported(true, { kind: "window", window: over });
  metrics.searched(20);
  metrics.searchFailed("over-budget");
  metrics.pushed("hand");
  metrics.writeRefused("unavailable");
  metrics.called("hello", "ok", 3);
  let missing: readonly string[] = ["waiting for registry"];
  const server = await startHttpServer({
    host: "127.0.0.1",
    port: 0,
    routes: statusRoutes({ metrics, notReady: async () => missing, logger: silentLogger }),
    logger: silentLogger,
  });
  context.after(() => server.stop());
  const get = async (path: string, method = "GET"): Promise<readonly [number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.address.port}${path}`, { method });
    return [response.status, await response.text()];
  };
  assert.deepEqual(await get("/healthz"), [200, "ok\n"]);
  assert.deepEqual(await get("/readyz"), [503, "waiting for registry\n"]);
  missing = [];
  assert.deepEqual(await get("/readyz"), [200, "ok\n"]);
  const [, page] = await get("/metrics");
  assert.match(page, /^mpo_devices 3$/mu);
  assert.match(page, /^mpo_reports_total\{kind="profile",duplicate="false"\} 1$/mu);
  for (const line of [
    "mpo_search_seconds_count 1",
    'mpo_devices_by_state{state="online"} 2',
    'mpo_devices_by_state{state="offline"} 1',
    "mpo_devices_behind 1",
    "mpo_profiles 2",
    "mpo_searches_waiting 1",
    "mpo_store_lag_seconds 0.012",
    "mpo_store_takes_writes 0",
    'mpo_rollouts{phase="halted"} 1',
    'mpo_rollout_devices{state="offline"} 3',
    "mpo_rollout_still_seconds 90",
    'mpo_store_writes_refused_total{code="unavailable"} 1',
    'mpo_search_failures_total{code="over-budget"} 1',
    'mpo_documents_pushed_total{cause="hand"} 1',
    'mpo_calls_total{method="hello",code="ok"} 1',
    "mpo_indexes_waiting 2",
    "mpo_devices_probe_failing 0",
    "mpo_devices_certificate_late 0",
    "mpo_probe_failures_total 1",
    'mpo_windows_total{outcome="out-of-time"} 1',
    'mpo_windows_total{outcome="replaced"} 0',
    'mpo_windows_over_bound_total{bound="memory"} 1',
    'mpo_windows_over_bound_total{bound="time"} 1',
    'mpo_store_stream_bytes{stream="audit"} 5',
    'mpo_store_stream_limit_bytes{stream="audit"} 50',
    'mpo_store_disk_free_bytes{disk="store"} 500',
    'mpo_store_server_away{server="n1"} 0',
    'mpo_store_server_away{server="n2"} 1',
    'mpo_store_copy_differs{server="n1",stream="audit"} 1',
    'mpo_certificate_begins_seconds{certificate="listener"} 1',
    'mpo_certificate_ends_seconds{certificate="listener"} 2',
    'mpo_call_seconds_bucket{le="0.005",method="hello"} 1',
  ]) {
    assert.ok(page.split("\n").includes(line), `${line}\n${page}`);
  }
  assert.equal((await get("/else"))[0], 404);
  assert.equal((await get("/metrics", "POST"))[0], 405);
});

interface Protected {
  readonly server: HttpServer;
  readonly caPem: string;
  renew(): Promise<void>;
  /** Status, and the serial number of the certificate. */
  get(token?: string, path?: string): Promise<readonly [number, string]>;
}

async function protectedServer(context: TestContext): Promise<Protected> {
  const authority = await createCertificateAuthority({ fleetId: "home", nowMs: Date.now() });
  const issue = (): Promise<CertifiedKey> =>
    issueServerCertificate(authority, { dnsNames: [COORDINATOR_NAME], nowMs: Date.now() });
  const caPem = authority.certificatePem;
  const listeners = new Set<() => void>();
  let pair = await issue();
  const tls = {
    current: () => ({ ...pair, caPem }),
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const admit = (token: string): void => {
    if (token === "of-one-tenant") throw new MpoError("permission-denied", "for acme only");
    if (token !== "viewer") throw new MpoError("unauthenticated", "not known");
  };
  const parts = { metrics: createMetrics(NOTHING_COUNTED), notReady: async () => [], logger: silentLogger };
  const routes = statusRoutes({ ...parts, admit });
  const bound = { host: "127.0.0.1", port: 0, maxConnections: 64 };
  const server = await startHttpServer({ ...bound, routes, tls, logger: silentLogger });
  context.after(async () => {
    await server.stop();
    assert.equal(listeners.size, 0);
  });
  const { port } = server.address;
  return {
    ...{ server, caPem },
    renew: async () => {
      pair = await issue();
      for (const listener of listeners) listener();
    },
    get: async (token, path = "/metrics") => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const options = { host: "127.0.0.1", port, path, headers, ca: caPem, servername: COORDINATOR_NAME, agent: false };
      const asked = request(options).end();
      const [response] = await once(asked, "response");
      response.resume();
      return [response.statusCode, response.socket.getPeerCertificate().serialNumber];
    },
  };
}

void it("beyond loopback it answers over TLS, who brings a good token", async (context) => {
  const { get, server } = await protectedServer(context);
  for (const path of ["/metrics", "/healthz", "/readyz"]) {
    for (const token of [undefined, "", "wrong", "revoked", "viewer viewer"]) {
      assert.equal((await get(token, path))[0], 401, `${path} ${token}`);
    }
    assert.equal((await get("of-one-tenant", path))[0], 403);
    assert.equal((await get("viewer", path))[0], 200);
  }
  await assert.rejects(fetch(`http://127.0.0.1:${server.address.port}/healthz`));
});

void it("shows a renewed certificate", async (context) => {
  const { get, renew } = await protectedServer(context);
  const [, first] = await get("viewer");
  assert.equal((await get("viewer"))[1], first);
  await renew();
  const [code, second] = await get("viewer");
  assert.equal(code, 200);
  assert.notEqual(second, first);
});

void it("ends slow clients, and answers others again", { timeout: 30_000 }, async (context) => {
  const { get, server, caPem } = await protectedServer(context);
  const { port } = server.address;
  const silent = Array.from({ length: 40 }, () => connect(port, "127.0.0.1"));
  const slow = Array.from({ length: 24 }, () => {
    const socket = connectTls({ host: "127.0.0.1", port, ca: caPem, servername: COORDINATOR_NAME });
    socket.once("secureConnect", () => socket.write("GET /metrics HTTP/1.1\r\nhost: x\r\n"));
    return socket;
  });
  const ended = [...silent, ...slow].map((socket) => {
    socket.on("error", () => undefined);
    socket.resume();
    return new Promise((resolve) => {
      socket.once("close", resolve);
    });
  });
  await assert.rejects(get("viewer"), "as many as it takes are there");
  await Promise.all(ended);
  assert.equal((await get("viewer"))[0], 200);
});
