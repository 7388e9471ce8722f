import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { ReportStatusRequest } from "@mpo/protocol";
import { ALIVE, connectFleet, HEARTBEAT, IDENTITY, join, startFleet, startTcp } from "../test-support/grpc-room.ts";
import { Authority, ChangingSource, startSecure } from "../test-support/tls-room.ts";
import type { Ends } from "../testing/nats-room.ts";
import { fetchChain } from "./fetch-chain.ts";
import { proxyFor } from "./proxy.ts";

const DRIFT: ReportStatusRequest = {
  ...{ identity: IDENTITY, report: "r-1", sequence: 1, reportedAtMs: 1 },
  status: { kind: "drift", drift: { model: "cam", message: "" } },
};
const PROXY = "http://proxy:3128";

/** A proxy, and what it was asked. It connects to the port, if it has one, whatever the name; without one it refuses. */
async function startProxy(t: Ends, to?: number): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const port = await startTcp(t, (socket) => {
    socket.once("data", (bytes) => {
      asked.push(String(bytes).split("\r\n")[0] as string);
      if (to === undefined) {
        socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
        return;
      }
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      join(socket, to);
    });
  });
  return { url: `http://127.0.0.1:${port}`, asked };
}

/** Sets environment variables until the test ends: grpc-js reads them itself. */
function withEnvironment(t: TestContext, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  });
}

describe("a proxy", () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string>>, string | undefined])[] = [
    ["10.0.0.1:7443", {}, undefined],
    ["10.0.0.1:7443", { http_proxy: PROXY }, "http_proxy"],
    ["10.0.0.1:7443", { http_proxy: PROXY, grpc_proxy: "http://other" }, "grpc_proxy"],
    ["10.0.0.1:7443", { http_proxy: PROXY, HTTPS_PROXY: PROXY }, "http_proxy"],
    ["10.0.0.1:7443", { https_proxy: "socks5://proxy:1080" }, undefined],
    ["10.0.0.1:7443", { http_proxy: "nonsense" }, undefined],
    ["10.0.0.1:7443", { http_proxy: PROXY, no_proxy: "10.0.0.0/8" }, undefined],
    ["11.0.0.1:7443", { http_proxy: PROXY, no_proxy: "10.0.0.0/8" }, "http_proxy"],
    ["fleet.corp:7443", { http_proxy: PROXY, no_proxy: "x,.corp" }, undefined],
    ["fleet.corp:7443", { http_proxy: PROXY, no_proxy: "" }, "http_proxy"],
    ...["127.0.0.1:7443", "127.0.0.9:1", "[::1]:7443", "localhost:7443"].map(
      (target) => [target, { http_proxy: PROXY, grpc_proxy: PROXY, https_proxy: PROXY }, undefined] as const,
    ),
  ];
  for (const [target, environment, variable] of cases) {
    it(`of ${target} with ${JSON.stringify(environment)}: ${variable ?? "none"}`, () => {
      assert.equal(proxyFor(target, environment)?.variable, variable);
    });
  }

  it("is never used for this machine, and named when it refuses", async (t) => {
    const { url, asked } = await startProxy(t);
    withEnvironment(t, { http_proxy: url });
    const server = await startFleet(t);
    assert.deepEqual(await connectFleet(t, server.target).heartbeat(HEARTBEAT), ALIVE);
    assert.deepEqual(asked, []);
    await assert.rejects(connectFleet(t, "192.0.2.1:7443").heartbeat(HEARTBEAT), {
      code: "unavailable",
      message: `no connection could be made (through the proxy ${url.slice("http://".length)} from http_proxy)`,
      hint: /no_proxy, or unset http_proxy/u,
    });
    assert.match(asked[0] ?? "", /^CONNECT 192\.0\.2\.1:7443/u);
  });

  it("that connects carries all calls, and is left out for hosts in no_proxy", async (t) => {
    const reportStatus = (): Promise<{ readonly isDuplicate: boolean }> => Promise.resolve({ isDuplicate: true });
    const server = await startFleet(t, { reportStatus });
    const { url, asked } = await startProxy(t, server.port);
    withEnvironment(t, { https_proxy: url, no_proxy: "192.0.2.0/24" });
    const client = connectFleet(t, "fleet.invalid:7443");
    assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
    assert.deepEqual(await client.reportStatus(DRIFT), { isDuplicate: true });
    const connect = "CONNECT fleet.invalid:7443 HTTP/1.1";
    assert.deepEqual(asked, [connect, connect], "heartbeats and reports have a connection each");
    const direct = connectFleet(t, "192.0.2.1:7443").heartbeat(HEARTBEAT, { deadlineMs: 300 });
    await assert.rejects(direct, ({ message }: Error) => !message.includes("proxy"));
    assert.equal(asked.length, 2);
  });

  it("carries TLS from end to end, and what is fetched for joining", async (t) => {
    const authority = await Authority.create();
    const material = await authority.server();
    const server = await startSecure(t, material);
    const { url, asked } = await startProxy(t, server.port);
    withEnvironment(t, { https_proxy: url });
    assert.equal(await fetchChain("fleet.invalid:7443"), material.certificatePem);
    const client = connectFleet(t, "fleet.invalid:7443", { tls: new ChangingSource(await authority.device()) });
    assert.deepEqual(await client.heartbeat(HEARTBEAT), ALIVE);
    const connect = "CONNECT fleet.invalid:7443 HTTP/1.1";
    assert.deepEqual(asked, [connect, connect]);
    const refusing = await startProxy(t);
    process.env["https_proxy"] = refusing.url;
    await assert.rejects(fetchChain("fleet.invalid:7443"), {
      code: "unavailable",
      message: /proxy .* from https_proxy/u,
    });
  });

  it("that answers with a page of its own is named too", async (t) => {
    const page = (socket: Socket): unknown =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nlog in"));
    const port = await startTcp(t, page);
    withEnvironment(t, { http_proxy: `http://127.0.0.1:${port}` });
    await assert.rejects(connectFleet(t, "192.0.2.1:7443").heartbeat(HEARTBEAT), {
      code: "unavailable",
      message: `the other side closed the connection at once (through the proxy 127.0.0.1:${port} from http_proxy)`,
    });
  });

  it("that is dead is named too", async (t) => {
    withEnvironment(t, { https_proxy: "http://127.0.0.1:1" });
    await assert.rejects(connectFleet(t, "192.0.2.1:7443").heartbeat(HEARTBEAT), {
      message: /\(through the proxy 127\.0\.0\.1:1 from https_proxy\)$/u,
    });
  });
});

describe("an address with a zone", () => {
  it("is refused before anything connects", () => {
    const refused = { code: "invalid-argument", message: /zone/u };
    assert.throws(() => connectFleet({ after: () => undefined }, "[fe80::1%eth0]:7443"), refused);
  });
});
