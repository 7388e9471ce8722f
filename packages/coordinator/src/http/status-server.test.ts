import assert from "node:assert/strict";
import { it } from "node:test";
import { silentLogger } from "@mpo/runtime";
import { createMetrics } from "./metrics.ts";
import { startStatusServer } from "./status-server.ts";

void it("the status server tells of health, readiness and counts", async (context) => {
  const metrics = createMetrics({ devices: () => 3, profiles: () => 2, waitingSearches: () => 1 });
  metrics.reported("profile", false);
  metrics.searched(20);
  let missing: readonly string[] = ["registry"];
  const server = await startStatusServer({
    host: "127.0.0.1",
    port: 0,
    metrics,
    notReady: () => missing,
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
  assert.match(page, /^mpo_search_seconds_count 1$/mu);
  assert.equal((await get("/else"))[0], 404);
  assert.equal((await get("/metrics", "POST"))[0], 405);
});
