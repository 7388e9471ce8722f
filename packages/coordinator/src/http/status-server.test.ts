import assert from "node:assert/strict";
import { it } from "node:test";
import { silentLogger } from "@mpo/runtime";
import { createMetrics } from "./metrics.ts";
import { startStatusServer } from "./status-server.ts";

void it("the status server tells of health, readiness and counts", async (context) => {
  const metrics = createMetrics({
    devices: () => ({ online: 2, offline: 1, behind: 1, conditions: new Map([["throttled", 1]]) }),
    profiles: () => 2,
    waitingSearches: () => 1,
    storeLagMs: () => 12,
    takesWrites: () => false,
  });
  metrics.reported("profile", false);
  metrics.searched(20);
  metrics.searchFailed("over-budget");
  metrics.pushed("hand");
  metrics.writeRefused("unavailable");
  metrics.called("hello", "ok", 3);
  let missing: readonly string[] = ["waiting for registry"];
  const server = await startStatusServer({
    host: "127.0.0.1",
    port: 0,
    metrics,
    notReady: async () => missing,
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
    'mpo_store_writes_refused_total{code="unavailable"} 1',
    'mpo_search_failures_total{code="over-budget"} 1',
    'mpo_documents_pushed_total{cause="hand"} 1',
    'mpo_calls_total{method="hello",code="ok"} 1',
    'mpo_call_seconds_bucket{le="0.005",method="hello"} 1',
  ]) {
    assert.ok(page.split("\n").includes(line), `${line}\n${page}`);
  }
  assert.equal((await get("/else"))[0], 404);
  assert.equal((await get("/metrics", "POST"))[0], 405);
});
