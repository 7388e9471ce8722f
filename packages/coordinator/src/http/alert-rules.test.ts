import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { it } from "node:test";
import { createMetrics } from "./metrics.ts";

const RULES = new URL("../../../../deploy/prometheus/rollouts.rules.yaml", import.meta.url);

void it("the alert rules that are shipped ask for metrics that there are", async () => {
  const { page } = createMetrics({
    devices: () => ({ online: 0, offline: 0, behind: 0, conditions: new Map() }),
    ...{ profiles: () => 0, waitingSearches: () => 0, storeLagMs: () => 0, takesWrites: () => true },
    rollouts: () => ({ phases: new Map([["halted", 1]]), devices: new Map(), stillMs: 0 }),
  });
  const { text } = await page();
  const asked = [...(await readFile(RULES, "utf8")).matchAll(/expr: .*?(mpo_[a-z_]+)/gu)].map(([, name]) => name);
  assert.equal(asked.length, 4);
  for (const name of asked) assert.match(text, new RegExp(`^# TYPE ${name} gauge$`, "mu"));
});
