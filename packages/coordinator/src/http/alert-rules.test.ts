import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { it } from "node:test";
import { NOTHING_COUNTED } from "../test-support/no-counts.ts";
import { createMetrics } from "./metrics.ts";

const FOLDER = new URL("../../../../deploy/prometheus/", import.meta.url);

void it("the alert rules that are shipped ask for metrics that there are", async () => {
  const { text } = await createMetrics(NOTHING_COUNTED).page();
  const there = new Set([...text.matchAll(/^# TYPE (\S+) /gmu)].map(([, name]) => name));
  for (const file of (await readdir(FOLDER)).filter((name) => name.endsWith(".rules.yaml"))) {
    const rules = await readFile(new URL(file, FOLDER), "utf8");
    const asked = [...rules.replaceAll(/^.*(?:summary|description|runbook): .*$/gmu, "").matchAll(/\bmpo_[a-z_]+/gu)];
    assert.notEqual(asked.length, 0);
    for (const [name] of asked) assert.ok(there.has(name), `${file} asks for ${name}`);
  }
});
