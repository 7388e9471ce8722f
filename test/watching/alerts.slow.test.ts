import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CASES, type Samples, WELL } from "./alert-cases.ts";
import { PROMETHEUS_FOLDER, promtool, skip } from "./promtool.ts";

const FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})';

async function ruleFiles(): Promise<readonly string[]> {
  return (await readdir(PROMETHEUS_FOLDER)).filter((name) => name.endsWith(".rules.yaml"));
}

async function alertNames(): Promise<readonly string[]> {
  const texts = await Promise.all((await ruleFiles()).map((name) => readFile(join(PROMETHEUS_FOLDER, name), "utf8")));
  return texts.flatMap((text) => [...text.matchAll(/- alert: (\w+)/gu)].map(([, name = ""]) => name));
}

/** A test of promtool's: what fires when. */
function unitTest(name: string, series: Readonly<Record<string, Samples>>, fires: Readonly<Record<string, string[]>>) {
  return {
    ...{ name, interval: "1m" },
    input_series: Object.entries({ ...WELL, ...series }).map(([key, values]) => ({ series: key, values })),
    promql_expr_test: Object.entries(fires).map(([eval_time, alerts]) => ({
      ...{ expr: FIRING, eval_time },
      exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
    })),
  };
}

describe("the alerts", () => {
  it("are valid rules", { skip }, async () => {
    assert.match(await promtool("check", "rules", ...(await ruleFiles())), /SUCCESS/u);
  });

  it("each have a case here, and a row in the guide", async () => {
    const names = await alertNames();
    assert.deepEqual(
      CASES.map(({ alert }) => alert),
      names,
    );
    const guide = await readFile(new URL("../../deploy/guides/operate.md", import.meta.url), "utf8");
    const rows = [...guide.matchAll(/^\| `(Mpo\w+)` \|/gmu)].map(([, name]) => name);
    assert.deepEqual(rows, names);
  });

  it("fire in their own fault, after their time, and no other does; and none in a fleet that is well", {
    skip,
  }, async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-alerts-"));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "alerts.json");
    const tests = [
      unitTest("a fleet that is well", {}, { "5m": [], "1h": [], "6h": [], "8h": [] }),
      ...CASES.map(({ alert, series, firesAt, silentAt }) =>
        unitTest(alert, series, { [silentAt]: [], [firesAt]: [alert] }),
      ),
    ];
    const rule_files = (await ruleFiles()).map((name) => join(PROMETHEUS_FOLDER, name));
    await writeFile(file, JSON.stringify({ rule_files, evaluation_interval: "1m", tests }));
    assert.match(await promtool("test", "rules", file), /SUCCESS/u);
  });
});
