import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MpoError, parseRolloutSpec, type RolloutPhase } from "@mpo/core";
import { type Clock, systemClock } from "@mpo/io";
import type { RolloutView } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { BUCKETS } from "@mpo/transport";
import { type Coordinator, createCoordinator } from "../coordinator.ts";
import type { Fetch } from "../identity/issuer-keys.ts";
import { type CoordinatorSettings, resolveSettings } from "../settings.ts";
import { type Answer, AnsweringFleet, type AnsweringOptions } from "../testing/answering-fleet.ts";
import { CALL, freshServer, helloOf, identityOf, reportOf, windowReport } from "../testing/tiny-fleet.ts";
import { joinLate } from "./late-joiners.ts";

const DEVICES = Array.from({ length: 6 }, (_, index) => `pi-${index + 1}`);

interface Options {
  readonly answer?: AnsweringOptions["answer"];
  readonly devices?: readonly string[];
  readonly settings?: CoordinatorSettings;
  readonly fetch?: Fetch;
  readonly clock?: Clock;
}

async function started(context: TestContext, { answer, devices = DEVICES, settings, ...ports }: Options = {}) {
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const server = freshServer();
  const store = server.connect();
  context.after(() => store.close());
  const coordinator = createCoordinator(resolveSettings({ name: "one", ...settings }, newId), {
    ...{ store: server.connect(), logger: silentLogger, newId, ...ports },
  });
  await coordinator.start();
  context.after(() => coordinator.stop());
  const fleet = new AnsweringFleet({ coordinator: () => coordinator, ...(answer === undefined ? {} : { answer }) });
  await fleet.join(devices);
  return { coordinator, fleet, store };
}

type Spec = Readonly<Record<string, unknown>>;

function planned({ rolloutApi }: Coordinator, spec: Spec = {}) {
  const file = { name: "small", model: "tiny", change: { rule: { memory: "40MB" } }, ...spec };
  return rolloutApi.planRollout({ tenant: "acme", spec: JSON.stringify(file), reason: "" }, CALL);
}

type Command = Parameters<Coordinator["rolloutApi"]["changeRollout"]>[0]["command"];

function said({ rolloutApi }: Coordinator, command: Command, name = "small") {
  return rolloutApi.changeRollout({ tenant: "acme", name, command, reason: "" }, CALL);
}

async function shown({ rolloutApi }: Coordinator, name = "small"): Promise<RolloutView> {
  return (await rolloutApi.getRollout({ tenant: "acme", name }, CALL)).rollout;
}

function inPhase(coordinator: Coordinator, ...phases: readonly RolloutPhase[]) {
  return async (): Promise<RolloutView | undefined> => {
    const rollout = await shown(coordinator);
    return phases.includes(rollout.phase) ? rollout : undefined;
  };
}

async function listed({ rolloutApi }: Coordinator, name = "small") {
  return (await rolloutApi.listRolloutDevices({ tenant: "acme", name, pageSize: 100 }, CALL)).devices;
}

async function budgets({ admin }: Coordinator, devices: readonly string[] = DEVICES) {
  const all = devices.map((device) => admin.getConfig({ identity: identityOf(device) }, CALL));
  return (await Promise.all(all)).map(({ document }) => document.budget.memoryBytes);
}

async function eventKinds({ admin }: Coordinator): Promise<readonly string[]> {
  const { events } = await admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 500 }, CALL);
  return events.map(({ kind }) => kind).filter((kind) => kind.startsWith("rollout-"));
}

const isChange = (request: string): boolean => /^rollout small\/\d/u.test(request);
const WELL: Answer = ["applied", "confirmed"];

void describe("a rollout", { timeout: 300_000 }, () => {
  void it("changes its devices wave by wave, and is over", async (t) => {
    const { coordinator, fleet } = await started(t);
    const plan = await planned(coordinator, { waves: [{ count: 2 }, { percent: "50%" }] });
    assert.deepEqual([plan.rollout.phase, plan.rollout.waves.map(({ devices }) => devices)], ["planned", [2, 1, 3]]);
    assert.deepEqual(
      plan.rollout.distribution.map(({ devices }) => devices),
      [6],
    );
    assert.ok((plan.rollout.forecast?.expectedMs ?? 0) > 0);
    assert.equal(new Set(await budgets(coordinator)).has(40_000_000), false);
    await said(coordinator, "start");
    const done = await fleet.until(inPhase(coordinator, "completed"));
    assert.deepEqual(done.counts, [{ state: "confirmed", devices: 6 }]);
    assert.deepEqual(new Set(await budgets(coordinator)), new Set([40_000_000]));
    const devices = await listed(coordinator);
    assert.deepEqual(
      devices.map(({ wave }) => wave),
      [0, 0, 1, 2, 2, 2],
    );
    for (const requests of fleet.requests.values()) assert.equal(requests.filter(isChange).length, 1, `${requests}`);
    const { document } = await coordinator.admin.getConfig({ identity: identityOf("pi-1") }, CALL);
    assert.equal(document.check, true);
  });

  void it("stops at a wave that fails, and gives its devices back what they had", async (t) => {
    const bad = new Set<string>();
    const { coordinator, fleet } = await started(t, {
      answer: (device, { request }) => (bad.has(device) && isChange(request) ? ["applied", "failed"] : WELL),
    });
    const before = await budgets(coordinator);
    await planned(coordinator, { waves: [{ count: 2 }, { count: 2 }], success: "100%" });
    bad.add((await listed(coordinator)).find(({ wave }) => wave === 1)?.device ?? "");
    await said(coordinator, "start");
    const over = await fleet.until(inPhase(coordinator, "rolled-back", "completed"));
    assert.equal(over.phase, "rolled-back");
    assert.match(over.reason, new RegExp(`^wave 2: 1 of \\d finished devices failed \\(${[...bad][0]}\\);`, "u"));
    assert.deepEqual(await budgets(coordinator), before);
    assert.deepEqual(over.waves[2]?.counts, [{ state: "pending", devices: 2 }]);
    const kinds = await eventKinds(coordinator);
    for (const kind of ["planned", "started", "wave-failed", "device-failed", "rolled-back"])
      assert.ok(kinds.includes(`rollout-${kind}`), `${kind} of ${kinds}`);
  });

  void it("says all that is wrong with a plan, before anything is stored", async (t) => {
    const { coordinator } = await started(t);
    const file = planned(coordinator, { where: "memry > 1GiB", hours: { between: ["22:00-06:00"], zone: "Mars" } });
    await assert.rejects(file, { code: "invalid-argument", message: /memry[\s\S]*hours\.zone/u });
    const wrong = planned(coordinator, {
      where: "group = nobody",
      exclude: ["pi-99"],
      hooks: { atEnd: "https://hooks.example.org/end" },
      gates: [{ name: "p", prometheus: { address: "http://prom:9090", query: "up" }, success: "> 0" }],
    });
    await assert.rejects(wrong, (error: Error) => {
      for (const words of [/nobody/u, /pi-99/u, /--allow-hooks hooks\.example\.org/u, /--allow-hooks prom:9090/u])
        assert.match(error.message, words);
      return true;
    });
    const invalid = { code: "invalid-argument" };
    await assert.rejects(planned(coordinator, { change: { rule: { memory: "1kB" } } }), {
      ...invalid,
      message: /none of the devices .* as of pi-\d: /u,
    });
    await assert.rejects(planned(coordinator, { model: "tinny" }), { ...invalid, message: "no device serves tinny" });
    await assert.rejects(planned(coordinator, { change: { rule: { reserve: "9000GB" } } }), {
      ...invalid,
      message: /none of the devices .*are to stay free/u,
    });
    await assert.rejects(planned(coordinator, { disruption: { by: "site", minAvailable: 6 } }), {
      ...invalid,
      message: /it could never move: none of the 6 devices of site north/u,
    });
    await assert.rejects(planned(coordinator, { waves: [{ where: "label.site = south" }] }), {
      ...invalid,
      message: /wave 1 has no devices/u,
    });
    assert.deepEqual((await coordinator.rolloutApi.listRollouts({ tenant: "acme", pageSize: 10 }, CALL)).rollouts, []);
  });

  void it("leaves out who cannot be changed, and says why", async (t) => {
    const { coordinator, fleet } = await started(t);
    await coordinator.fleet.hello(helloOf("of-class"), CALL);
    const other = { ...helloOf("x").inventory, deviceClass: "other" };
    await coordinator.fleet.hello(helloOf("unmeasured", { inventory: other }), CALL);
    await coordinator.fleet.hello(helloOf("bare", { models: [] }), CALL);
    const { rollout } = await planned(coordinator, { where: "label.site = north", exclude: ["pi-1"], control: "20%" });
    const causes = Object.fromEntries(rollout.leftOut.map(({ device, cause }) => [device, cause]));
    assert.deepEqual([causes["pi-1"], causes["unmeasured"], causes["bare"]], ["excluded", "no-profile", "not-served"]);
    assert.deepEqual([rollout.control, rollout.devices, rollout.leftOutCount], [1, 5, 4]);
    const lent = (await listed(coordinator)).find(({ device }) => device === "of-class");
    if (lent !== undefined) assert.match(lent.profileOf ?? "", /^pi-\d$/u);
    assert.ok(lent !== undefined || causes["of-class"] === "control");
    assert.ok(fleet);
  });

  void it("is not started when devices have changed since it was planned", async (t) => {
    const { coordinator } = await started(t);
    await planned(coordinator);
    const identity = identityOf("pi-1");
    await coordinator.admin.pushConfig({ identity, model: "tiny", objective: "memory", reason: "" }, CALL);
    await coordinator.fleet.reportProfile(reportOf("pi-2", "again", 2), CALL);
    await coordinator.fleet.hello(
      helloOf("pi-3", { models: [{ name: "tiny", manifestDigest: "ef".repeat(32) }] }),
      CALL,
    );
    await assert.rejects(said(coordinator, "start"), (error: Error) => {
      assert.match(error.message, /^3 devices have changed since it was planned/u);
      for (const words of ["pi-1: its configuration was changed", "pi-2: it has measured", "pi-3: it serves another"])
        assert.ok(error.message.includes(words), error.message);
      return true;
    });
    assert.equal((await shown(coordinator)).phase, "planned");
  });

  void it("leaves devices alone that somebody else has changed since, also when it is taken back", async (t) => {
    const { coordinator, fleet } = await started(t);
    await planned(coordinator, { waves: [{ count: 6, dwell: "1h" }] });
    await said(coordinator, "start");
    await fleet.until(async () => (await shown(coordinator)).waves[0]?.state === "dwelling" || undefined);
    const identity = identityOf("pi-4");
    const budget = { memoryBytes: 50_000_000, windowMs: 60_000 };
    await coordinator.admin.pushConfig({ identity, model: "tiny", budget, reason: "" }, CALL);
    await fleet.until(async () =>
      (await listed(coordinator)).find(({ device, state }) => device === "pi-4" && state === "superseded"),
    );
    await said(coordinator, "roll-back");
    const over = await fleet.until(inPhase(coordinator, "rolled-back"));
    assert.deepEqual(over.counts, [
      { state: "rolled-back", devices: 5 },
      { state: "superseded", devices: 1 },
    ]);
    const after = await budgets(coordinator);
    assert.deepEqual([after[3], after.includes(40_000_000)], [50_000_000, false]);
  });

  void it("takes in devices that come later, and goes on with those that have another name or are gone", async (t) => {
    const { coordinator, fleet } = await started(t, {
      devices: DEVICES.slice(0, 4),
      settings: { heartbeatSeconds: 1 },
    });
    await planned(coordinator, { waves: [{ count: 1 }, { count: 1, approval: "manual" }] });
    await said(coordinator, "start");
    await fleet.until(async () => (await shown(coordinator)).waves[1]?.state === "approval" || undefined);
    assert.match((await shown(coordinator)).waitsFor ?? "", /approv/u);
    const names = (await listed(coordinator)).map(({ device }) => device) as [string, string, string, string];
    const [, second, third, fourth] = names;
    // They count as away before they may be renamed or removed.
    await fleet.until(async () => {
      const call = { identity: identityOf(second), newName: "renamed", reason: "" };
      return await coordinator.admin.renameDevice(call, CALL).catch(() => undefined);
    });
    await fleet.until(async () => {
      const call = { identity: identityOf(third), reason: "" };
      return await coordinator.admin.removeDevice(call, CALL).catch(() => undefined);
    });
    fleet.rename(second, "renamed");
    await fleet.join(["late"]);
    await fleet.until(async () => (await listed(coordinator)).some(({ device }) => device === "late") || undefined);
    await said(coordinator, "approve");
    await fleet.until(async () => {
      for (const device of ["renamed", fourth, "late"]) await coordinator.fleet.hello(helloOf(device), CALL);
      return await inPhase(coordinator, "completed")();
    });
    const states = (await listed(coordinator)).map(({ device, state }) => `${device} ${state}`);
    const expected = ["renamed confirmed", `${third} superseded`, `${fourth} confirmed`, "late confirmed"];
    assert.deepEqual(states.slice(1), expected);
  });

  void it("gives a device that comes later to the rollout that was started last, and to no other", async (t) => {
    const { coordinator, fleet } = await started(t);
    const waves = [{ count: 2 }, { count: 1, approval: "manual" }];
    const joins = async (device: string, name: string): Promise<void> => {
      await fleet.join([device]);
      await fleet.until(
        async () => (await listed(coordinator, name)).some((one) => one.device === device) || undefined,
      );
    };
    // In the order in which a coordinator looks at them, and in the other.
    for (const [name, devices] of [
      ["older", "a, ab, m, pi-1, pi-2, pi-3"],
      ["newer", "m, pi-4, pi-5, pi-6"],
    ] as const) {
      await planned(coordinator, { name, where: `name in (${devices})`, waves });
      await said(coordinator, "start", name);
    }
    await joins("m", "newer");
    await joins("a", "older");
    const of = async (name: string) => (await listed(coordinator, name)).map(({ device }) => device);
    assert.equal((await of("older")).includes("m"), false);
    await said(coordinator, "approve", "newer");
    await fleet.until(async () => (await shown(coordinator, "newer")).phase === "completed" || undefined);
    await joins("ab", "older");
    assert.equal((await of("older")).includes("m"), false, "what a later rollout has changed stays so");
  });

  void it("has devices with a profile that is too old measure again, and takes them in then", async (t) => {
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const { coordinator, fleet } = await started(t, { devices: DEVICES.slice(0, 3), clock });
    aheadMs = 3_600_000;
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r-again"), CALL);
    const change = { rule: { memory: "40MB", profileAge: "30min" } };
    const plan = await planned(coordinator, { change, waves: [{ count: 1, dwell: "1h" }] });
    assert.deepEqual(
      plan.rollout.leftOut.map(({ device, cause }) => [device, cause]),
      [
        ["pi-2", "old-profile"],
        ["pi-3", "old-profile"],
      ],
    );
    await said(coordinator, "start");
    const asked = await fleet.until(async () => {
      const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 500 }, CALL);
      const found = events.filter(({ kind }) => kind === "probe-asked");
      return found.length >= 2 ? found : undefined;
    });
    assert.deepEqual(asked.map(({ device }) => device).sort(), ["pi-2", "pi-3"]);
    await coordinator.fleet.reportProfile(reportOf("pi-3", "r-pi-3-again"), CALL);
    await fleet.until(async () => (await listed(coordinator)).some(({ device }) => device === "pi-3") || undefined);
    assert.deepEqual(
      (await listed(coordinator)).map(({ device }) => device),
      ["pi-1", "pi-3"],
    );
  });

  void it("ends in a conflict when an older store was put back, until a person decides", async (t) => {
    const { coordinator, fleet } = await started(t);
    await planned(coordinator, { waves: [{ count: 6, dwell: "1h" }] });
    await said(coordinator, "start");
    await fleet.until(async () => (await shown(coordinator)).waves[0]?.state === "dwelling" || undefined);
    const versionFloor = { epoch: 1, version: 41 };
    await coordinator.fleet.hello(helloOf("pi-1", { versionFloor }), CALL);
    const conflicted = await fleet.until(inPhase(coordinator, "conflicted"));
    assert.match(conflicted.reason, /^pi-1 knows newer documents than the store/u);
    assert.ok((await eventKinds(coordinator)).includes("rollout-conflicted"));
    await said(coordinator, "resume");
    await fleet.until(inPhase(coordinator, "running"));
    await said(coordinator, "next");
    const done = await fleet.until(inPhase(coordinator, "completed"));
    assert.deepEqual(done.counts, [{ state: "confirmed", devices: 6 }]);
  });

  void it("of which the store has lost a part is seen, and can be ended", async (t) => {
    const { coordinator, fleet, store } = await started(t);
    await planned(coordinator);
    const keys = await store.keys(BUCKETS.rolloutPart);
    await said(coordinator, "start");
    for (const key of keys) await store.delete(BUCKETS.rolloutPart, key);
    const lost = await fleet.until(inPhase(coordinator, "conflicted"));
    assert.match(lost.reason, /only a part of its plan/u);
    await said(coordinator, "stop");
    await coordinator.rolloutApi.removeRollout({ tenant: "acme", name: "small", reason: "" }, CALL);
  });

  void it("never fights with another over the same devices", async (t) => {
    const { coordinator, fleet } = await started(t);
    await planned(coordinator, { waves: [{ count: 1, dwell: "1h" }] });
    await planned(coordinator, { name: "other", change: { rule: { memory: "50MB" } } });
    await said(coordinator, "start");
    await assert.rejects(said(coordinator, "start", "other"), {
      code: "conflict",
      message: /rollout small is running, and is to change 6 of the same devices/u,
    });
    await assert.rejects(planned(coordinator), { code: "precondition-failed" });
    await assert.rejects(coordinator.rolloutApi.removeRollout({ tenant: "acme", name: "small", reason: "" }, CALL), {
      code: "precondition-failed",
    });
    await fleet.until(async () => (await shown(coordinator)).waves[0]?.state === "dwelling" || undefined);
    await said(coordinator, "stop");
    const { rollouts } = await coordinator.rolloutApi.listRollouts(
      { tenant: "acme", isActive: false, pageSize: 10 },
      CALL,
    );
    assert.deepEqual(
      rollouts.map(({ name, phase }) => [name, phase]),
      [
        ["other", "planned"],
        ["small", "stopped"],
      ],
    );
    await coordinator.rolloutApi.removeRollout({ tenant: "acme", name: "small", reason: "" }, CALL);
    await assert.rejects(shown(coordinator), { code: "not-found" });
    // The plan of the other one is older than that change.
    await assert.rejects(said(coordinator, "start", "other"), { message: /rollout small has changed it/u });
  });

  void it("is planned by one of two who do so at once", async (t) => {
    const { coordinator } = await started(t);
    const [one, two] = await Promise.allSettled([planned(coordinator), planned(coordinator)]);
    assert.deepEqual([one.status, two.status].toSorted(), ["fulfilled", "rejected"]);
    const { reason } = (one.status === "rejected" ? one : two) as PromiseRejectedResult;
    assert.match(String(reason), /somebody else has planned or started small at the same moment/u);
  });

  void it("does not try devices again that another one is to change", async (t) => {
    const { coordinator, fleet } = await started(t, {
      answer: (_, { request }) => (isChange(request) ? ["applied", "failed"] : WELL),
    });
    await planned(coordinator, { onFailure: { action: "stop" } });
    await said(coordinator, "start");
    await fleet.until(inPhase(coordinator, "stopped"));
    await planned(coordinator, { name: "other", waves: [{ count: 1, dwell: "1h" }] });
    await said(coordinator, "start", "other");
    await assert.rejects(said(coordinator, "retry"), { code: "conflict", message: /rollout other is running/u });
    await said(coordinator, "stop", "other");
    await said(coordinator, "retry");
  });

  void it("keeps the group that it is for, and goes on without one that is gone", async (t) => {
    const { coordinator } = await started(t);
    const group = { tenant: "acme", name: "all" };
    await coordinator.groupApi.saveGroup({ ...group, where: "memory > 1MiB", description: "" }, CALL);
    await planned(coordinator, { where: "group = all", waves: [{ count: 1, approval: "manual" }] });
    await said(coordinator, "start");
    await assert.rejects(coordinator.groupApi.removeGroup(group, CALL), {
      code: "precondition-failed",
      message: "group all is part of rollout small, which is not over",
    });
    await said(coordinator, "stop");
    await coordinator.groupApi.removeGroup(group, CALL);
    const parts = {
      selection: { select: () => assert.fail(new MpoError("invalid-argument", "there is no group all")) },
    };
    const wish = { tenant: "acme", wave: 0, nowMs: 0, startedAtMs: 0, isKnown: () => false };
    const spec = parseRolloutSpec({ name: "small", model: "tiny", change: { rule: {} }, where: "group = all" });
    const late = { ...parts, logger: silentLogger } as unknown as Parameters<typeof joinLate>[0];
    assert.deepEqual(await joinLate(late, { ...wish, spec }, CALL), []);
  });

  void it("tries again those that failed, when a person says so", async (t) => {
    let isFixed = false;
    const { coordinator, fleet } = await started(t, {
      answer: (device, { request }) =>
        device === "pi-2" && isChange(request) && !isFixed ? ["applied", "failed"] : WELL,
    });
    await planned(coordinator, { success: "100%", onFailure: { action: "pause" } });
    await said(coordinator, "start");
    const halted = await fleet.until(inPhase(coordinator, "halted"));
    assert.match(halted.reason, /1 of \d finished devices failed/u);
    isFixed = true;
    await said(coordinator, "retry");
    await fleet.until(inPhase(coordinator, "completed"));
    const requests = fleet.requests.get("pi-2")?.filter(isChange) ?? [];
    assert.deepEqual(
      requests.map((request) => request.split("#")[0]),
      ["rollout small/1", "rollout small/2"],
    );
  });
});

void describe("gates and hooks of a rollout", { timeout: 180_000 }, () => {
  void it("measure what devices report", async (t) => {
    const { coordinator, fleet } = await started(t);
    const often = { interval: "1s", count: 50, inconclusiveLimit: 50, minimumSample: 6 };
    const gates = [{ name: "memory", metric: "memory-over-bound", failure: "> 20%", ...often }];
    await planned(coordinator, { gates, onFailure: { action: "pause" } });
    await said(coordinator, "start");
    await fleet.until(async () => (await shown(coordinator)).waves[0]?.state === "dwelling" || undefined);
    for (const [index, device] of DEVICES.entries()) {
      const { document } = await coordinator.admin.getConfig({ identity: identityOf(device) }, CALL);
      const rung = document.rungs[0] as (typeof document.rungs)[0];
      const report = windowReport(device, 100, rung);
      const { status } = report;
      if (status.kind !== "window") continue;
      const peakBytes = rung.memoryBytes.upper * (index < 2 ? 2 : 0.9);
      const window = { ...status.window, outcome: "checked" as const, document: document.version, peakBytes };
      await coordinator.fleet.reportStatus({ ...report, status: { kind: "window", window } }, CALL);
    }
    const halted = await fleet.until(inPhase(coordinator, "halted", "completed"));
    assert.deepEqual(
      [halted.phase, halted.reason],
      ["halted", "wave 1: gate memory: 2 of 6 checks and windows, which is > 0.2"],
    );
    assert.equal(halted.waves[0]?.gates[0]?.measurements.at(-1)?.sample, 6);
  });

  void it("ask only where they may, and wait until they are told yes", async (t) => {
    const asked: string[] = [];
    let isGood = false;
    const fetch: Fetch = async (url, { body, redirect }) => {
      asked.push(url);
      assert.equal(redirect, "manual");
      if (url.includes("/api/v1/query")) {
        const result = [{ metric: {}, value: [1, "0.5"] }];
        return Response.json({ status: "success", data: { resultType: "vector", result } });
      }
      if (url.endsWith("/gate")) return Response.json({ value: JSON.parse(String(body)).counts.confirmed });
      return new Response("", { status: isGood ? 200 : 503 });
    };
    const settings = { allowedHooks: ["ops.example.org", "127.0.0.1:9090"] };
    const { coordinator, fleet } = await started(t, { fetch, settings });
    await planned(coordinator, {
      hooks: { beforeStart: "https://ops.example.org/start" },
      gates: [
        { name: "prom", prometheus: { address: "http://127.0.0.1:9090", query: "up" }, success: "< 1", interval: "1s" },
        { name: "hook", webhook: "https://ops.example.org/gate", success: ">= 6", interval: "1s" },
      ],
    });
    await said(coordinator, "start");
    const waits = await fleet.until(async () => {
      const { waitsFor = "" } = await shown(coordinator);
      return waitsFor.includes("503") ? waitsFor : undefined;
    });
    assert.match(waits, /the hook before-start has not said yes .*ops\.example\.org answers 503/u);
    isGood = true;
    const done = await fleet.until(inPhase(coordinator, "completed", "halted"));
    assert.equal(done.phase, "completed", done.reason);
    assert.ok(asked.some((url) => url.startsWith("http://127.0.0.1:9090/api/v1/query?query=up")));
  });
});
