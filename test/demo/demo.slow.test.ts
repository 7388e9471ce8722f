import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { findNatsServer } from "@mpo/transport";
import { DemoRun } from "./demo-run.ts";

const { MPO_NATS_SERVER: named, MPO_CACHE: cache, XDG_CACHE_HOME: base, PATH = "" } = process.env;
const missing = await findNatsServer({
  searchPath: PATH.split(delimiter),
  cacheFolder: cache ?? join(base ?? join(homedir(), ".cache"), "mpoptimizer"),
  ...(named === undefined ? {} : { named }),
}).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

const SMALL = [
  ...["--devices", "small,medium", "--inputs", "128", "--judged-images", "64"],
  // A window far beyond what the training takes: on a busy machine it must end by being done, not by its time.
  ...["--probe-time", "35s", "--drift-probe-time", "10s", "--window", "3min"],
];

interface DeviceRecord {
  readonly event: string;
  readonly rungs: number;
  readonly rung: { readonly memoryBytes: { readonly upper: number }; readonly stepMs: { readonly expected: number } };
  readonly budget: { readonly memoryBytes: number };
  readonly window: { readonly outcome: string; readonly peakBytes: number; readonly steps: number };
  readonly served: Readonly<Record<"clean" | "drifted" | "retrained", { readonly share: number } | undefined>>;
}

interface RolloutStep {
  readonly step: string;
  readonly rollout: {
    readonly phase: string;
    readonly reason: string;
    readonly waitsFor?: string;
    readonly waves: readonly { readonly state: string }[];
  };
  readonly devices: readonly { readonly device: string; readonly wave: number; readonly state: string }[];
}

interface RolledBack {
  readonly device: string;
  readonly before: { readonly version: number };
  readonly now: { readonly version: number };
  readonly hasWhatItHad: boolean;
}

/** Of one wave that passed and one that failed by a device's own doing: all is given back, and it says why. */
function assertRolledBack(run: DemoRun): void {
  const steps = run.records.filter(({ event }) => event === "rollout") as unknown as readonly RolloutStep[];
  const [planned, approval, over] = steps;
  assert.deepEqual(
    steps.map(({ step, rollout }) => [step, rollout.phase, ...rollout.waves.map(({ state }) => state)]),
    [
      ["planned", "planned", "waiting", "waiting"],
      ["approval", "running", "passed", "approval"],
      ["over", "rolled-back", "passed", "failed"],
    ],
    JSON.stringify(steps),
  );
  assert.match(approval?.rollout.waitsFor ?? "", /^wave 2 waits for an approval/u);
  const [first, bad] = planned?.devices ?? [];
  assert.deepEqual([first?.device, bad?.wave], ["small", 1]);
  const why = `^wave 2: 1 of 1 finished devices failed \\(${bad?.device}: over-limits: memory: .*; the owner allows 200`;
  assert.match(over?.rollout.reason ?? "", new RegExp(why, "u"));
  const touched = [first?.device, bad?.device];
  const devices = run.records.filter(({ event }) => event === "rollout-device") as unknown as readonly RolledBack[];
  for (const { device, before, now, hasWhatItHad } of devices) {
    const isTouched = touched.includes(device);
    assert.equal(hasWhatItHad, true, device);
    assert.equal(over?.devices.find((one) => one.device === device)?.state, isTouched ? "rolled-back" : "pending");
    // One version for the change, and one for what it had.
    assert.equal(now.version, before.version + (isTouched ? 2 : 0), device);
  }
  assert.equal(devices.length, planned?.devices.length);
}

function start(context: TestContext, args: readonly string[]): DemoRun {
  const run = new DemoRun(args);
  context.after(() => run.kill());
  return run;
}

void describe("the demo's fleet", { skip: missing }, () => {
  void it("goes from enrolling to retrained models that serve, and a rollout that is taken back, all in processes", {
    timeout: 460_000,
  }, async (t) => {
    const run = start(t, SMALL);
    await run.untilSays(/uses the ladder/u);
    const commands = (await run.processes()).join("\n");
    for (const part of ["coordinator", "nats-server", "agent", "example-app"]) {
      assert.match(commands, new RegExp(part, "u"));
    }
    assert.equal(await run.exitCode, 0, run.stderr);
    assert.match(run.stderr, /noticed the drift/u);
    const device = run.records.find(({ event }) => event === "device") as unknown as DeviceRecord;
    const { rung, budget, window, served, rungs } = device;
    assert.ok(rungs >= 1 && rung.memoryBytes.upper <= budget.memoryBytes);
    assert.ok(window.outcome === "replaced" || window.outcome === "kept-old", window.outcome);
    assert.ok(window.steps > 0 && window.peakBytes > 0 && rung.stepMs.expected > 0);
    // By labels that the agent has never seen.
    const { clean, drifted, retrained } = served;
    assert.ok((drifted?.share ?? 1) < (clean?.share ?? 0) - 0.1, JSON.stringify(served));
    if (window.outcome === "replaced") {
      assert.ok((retrained?.share ?? 0) > (drifted?.share ?? 1), JSON.stringify(served));
    }
    assertRolledBack(run);
    const { seconds } = run.records.at(-1) as { readonly seconds: number };
    assert.ok(seconds < 360, `${seconds} s`);
    assert.deepEqual(await run.processes(), []);
    const folder = /lies in (\S+)/u.exec(run.stderr)?.[1] ?? "";
    assert.ok(folder !== "" && !existsSync(folder), "the temporary folder is gone");
  });

  for (const [when, says] of [
    ["while its coordinator starts", /starting a coordinator/u],
    ["while a device probes", /small: probes/u],
  ] as const) {
    void it(`leaves no process behind after Ctrl-C ${when}`, { timeout: 240_000 }, async (t) => {
      const run = start(t, SMALL);
      await run.untilSays(says);
      run.interrupt();
      assert.equal(await run.exitCode, 130, run.stderr);
      assert.deepEqual(await run.processes(), []);
      const folder = /lies in (\S+)/u.exec(run.stderr)?.[1] ?? "";
      assert.equal(existsSync(folder), false, "the temporary folder is gone");
    });
  }
});
