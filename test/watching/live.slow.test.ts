import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { probeReport, RUNG, windowReport } from "@mpo/coordinator/testing";
import { skip as withoutNats } from "@mpo/transport/testing";
import { DASHBOARD, dashboard, ROWS } from "../../deploy/grafana/generate-dashboard.mjs";
import { skip as withoutPrometheus } from "./promtool.ts";
import { pause, RunningPrometheus } from "./running-prometheus.ts";
import { WatchedFleet } from "./watched-fleet.ts";

const RULES = join(import.meta.dirname, "../../deploy/prometheus");
const QUERIES = Object.values(ROWS).flatMap((graphs) => graphs.flatMap(([, , queries]) => Object.values(queries)));

it("the dashboard is the one that its source makes", async () => {
  const isCurrent = (await readFile(DASHBOARD, "utf8")) === dashboard();
  assert.ok(isCurrent, "deploy/grafana/mpo-fleet.json is out of date: run `npm run guides`");
});

it("the dashboard shows whatever an alert asks for", async () => {
  const rules = await Promise.all(["fleet", "rollouts"].map((name) => readFile(`${RULES}/${name}.rules.yaml`, "utf8")));
  // Comments and descriptions name metrics of which no alert asks.
  const asked = rules.join("\n").matchAll(/^ +expr: (?:>-?\n)?((?:.*\n)(?: {10,}.*\n)*)/gmu);
  const names = (text: string): readonly string[] => text.match(/\bmpo_[a-z_]+/gu) ?? [];
  const shown = new Set(QUERIES.flatMap(names));
  const missing = new Set([...asked].flatMap(([, text = ""]) => names(text)).filter((name) => !shown.has(name)));
  // What others are a share of.
  assert.deepEqual([...missing].sort(), ["mpo_certificate_begins_seconds", "mpo_devices"]);
});

it("a real Prometheus is silent on a fleet that is well, and fires by what is done to it", {
  skip: withoutPrometheus || withoutNats,
  timeout: 180_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-watching-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  await mkdir(join(folder, "prometheus"));
  const fleet = await WatchedFleet.start(join(folder, "coordinator"));
  context.after(async () => {
    await fleet.stop();
    fleet.close();
  });
  const devices = await Promise.all(["pi-1", "pi-2", "pi-3", "pi-4"].map((name) => fleet.join(name)));
  const [first, second] = devices as [(typeof devices)[0], (typeof devices)[0]];
  const away = new Set<object>();
  const beat = async (): Promise<void> => {
    const there = devices.filter((device) => !away.has(device));
    await Promise.allSettled(there.map((device) => device.heartbeat()));
  };
  const beating = setInterval(() => void beat(), 500);
  context.after(() => {
    clearInterval(beating);
    for (const device of devices) device.close();
  });
  for (const device of devices) {
    for (;;) {
      const { identity } = device;
      const found = await fleet.admin.getConfig({ identity }).catch(() => undefined);
      if (found !== undefined) {
        await device.applies(found.document.version);
        break;
      }
      await pause();
    }
  }

  const prometheus = await RunningPrometheus.start(join(folder, "prometheus"), new URL(fleet.addresses.http).host);
  context.after(() => prometheus.stop());
  while ((await prometheus.count("mpo_devices == 4")) === 0) await pause();
  // Before its first look there was nobody.
  while ((await prometheus.firing()).includes("MpoNoCoordinator")) await pause();
  for (let look = 0; look < 20; look += 1) {
    assert.deepEqual(await prometheus.firing(), []);
    await pause(400);
  }

  first.conditions = [{ code: "clock-wrong", sinceMs: Date.now(), message: "an hour behind" }];
  await prometheus.untilFiring("MpoDevicesNeedSomebody");
  first.conditions = [];
  await first.reports({ ...probeReport("pi-1", 3, Date.now(), "too busy").status });
  await prometheus.untilFiring("MpoProbesFail");
  for (const sequence of [1, 2, 3, 4]) {
    const { status } = windowReport("pi-1", sequence, RUNG);
    if (status.kind !== "window") assert.fail();
    const peakBytes = RUNG.memoryBytes.upper + 1;
    await first.reports({ ...status, window: { ...status.window, peakBytes, outcome: "cancelled" } });
  }
  await prometheus.untilFiring("MpoWindowsOverBound", "MpoWindowsBreakOff");
  // It says nothing of it, as one does that cannot.
  await fleet.admin.pushConfig({ identity: second.identity, model: "tiny", reason: "a try" });
  await prometheus.untilFiring("MpoDevicesBehind");
  away.add(second);
  await prometheus.untilFiring("MpoDevicesOffline");

  // Where every metric has come up.
  for (const query of QUERIES) {
    const count = await prometheus.count(query.replaceAll("$__rate_interval", "30s"));
    assert.ok(count > 0, `nothing on the dashboard for ${query}`);
  }

  const { natsPid = 0 } = fleet.addresses;
  assert.ok(natsPid > 0);
  process.kill(natsPid, "SIGSTOP");
  try {
    await prometheus.untilFiring("MpoStoreTakesNoWrites");
  } finally {
    process.kill(natsPid, "SIGCONT");
  }
  await fleet.stop();
  await prometheus.untilFiring("MpoCoordinatorDown", "MpoNoCoordinator");
});
