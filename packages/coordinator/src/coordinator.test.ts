import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { systemClock } from "@mpo/io";
import { desiredDocumentCodec, desiredEnvelopeCodec, PROTOCOL, reportedDigest } from "@mpo/protocol";
import type { MemoryStateServer } from "@mpo/transport/testing";
import type { Coordinator } from "./coordinator.ts";
import type { CoordinatorSettings } from "./settings.ts";
import {
  CALL,
  documentReport,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  probeReport,
  reportOf,
  startCoordinator,
  windowReport,
} from "./testing/tiny-fleet.ts";

async function started(
  context: TestContext,
  server: MemoryStateServer = freshServer(),
  settings: CoordinatorSettings = {},
): Promise<Coordinator> {
  const coordinator = await startCoordinator(server, settings);
  context.after(() => coordinator.stop());
  return coordinator;
}

/** Says hello, reports, and waits for the document of that report. */
async function documented(coordinator: Coordinator, device: string, report = "r1") {
  await coordinator.fleet.hello(helloOf(device), CALL);
  await coordinator.fleet.reportProfile(reportOf(device, report), CALL);
  return await documentFor(coordinator, device, `report ${report}`);
}

function documentFor(coordinator: Coordinator, device: string, request: string) {
  return eventually(async () => {
    const found = await coordinator.admin.getConfig({ identity: identityOf(device) }, CALL).catch(() => undefined);
    return found?.document.request === request ? found.document : undefined;
  });
}

void describe("a coordinator", () => {
  void it("waits for a device that has not named its model yet, without an alarm", async (context) => {
    const coordinator = await started(context);
    await coordinator.fleet.hello(helloOf("pi-1", { models: [] }), CALL);
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
    // Long enough for the search to have been tried.
    await systemClock.sleep(300);
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    await documentFor(coordinator, "pi-1", "report r1");
    const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 50 }, CALL);
    assert.deepEqual(
      events.filter(({ kind }) => kind === "search-failed"),
      [],
    );
  });

  void it("makes a ladder of a profile, and tells the device of it", async (context) => {
    const coordinator = await started(context);
    const greeting = await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    assert.equal(greeting.desiredVersion, undefined);
    assert.deepEqual(
      greeting.probes.map(({ model, configs }) => [model, configs.length]),
      [["tiny", 0]],
    );
    const answer = await coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
    assert.deepEqual([answer.isDuplicate, answer.needsChain], [false, false]);
    const document = await documentFor(coordinator, "pi-1", "report r1");
    assert.deepEqual(document.version, { epoch: 1, version: 1 });
    assert.ok(document.rungs.length >= 1 && document.expiresAtMs > document.issuedAtMs);
    assert.equal(document.budget.memoryBytes, Math.floor(2 ** 30 * 0.75 - 300_000_000));
    for (const rung of document.rungs) assert.ok(rung.memoryBytes.upper <= document.budget.memoryBytes);
    const again = await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    assert.deepEqual(again.desiredVersion, document.version);
    assert.deepEqual(again.probes, []);
    assert.ok(again.desired !== undefined);
    assert.deepEqual(desiredDocumentCodec.fromBytes(again.desired.document), document);
    const applied = await coordinator.fleet.hello(helloOf("pi-1", { appliedVersion: document.version }), CALL);
    assert.equal(applied.desired, undefined);
    const why = await coordinator.admin.explainConfig({ identity: identityOf("pi-1") }, CALL);
    assert.ok(why.explanation.considered > 10);
    const { profile } = await coordinator.admin.getProfile({ identity: identityOf("pi-1"), model: "tiny" }, CALL);
    assert.deepEqual(profile, reportOf("pi-1", "r1").profile);
  });

  void it("makes a document for the model that was measured last: a device runs one", async (context) => {
    const coordinator = await started(context);
    const [tiny] = helloOf("pi-1").models;
    const other = { manifestDigest: "ab".repeat(32), name: "other" };
    await coordinator.fleet.hello(helloOf("pi-1", { models: [tiny as typeof other, other] }), CALL);
    const desiredModel = async () => {
      const { device } = await coordinator.admin.getDevice({ identity: identityOf("pi-1") }, CALL);
      return device.desiredModel;
    };
    assert.equal(await desiredModel(), undefined);
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
    await documentFor(coordinator, "pi-1", "report r1");
    assert.equal(await desiredModel(), "tiny");
    const report = reportOf("pi-1", "r2");
    const profile = { ...report.profile, model: { ...report.profile.model, name: "other" } };
    await coordinator.fleet.reportProfile({ ...report, profile }, CALL);
    await documentFor(coordinator, "pi-1", "report r2");
    assert.equal(await desiredModel(), "other");
    const budget = { memoryBytes: 200_000_000, windowMs: 90_000 };
    const pushed = { identity: identityOf("pi-1"), model: "tiny", reason: "", budget, objective: "memory" } as const;
    await coordinator.admin.pushConfig(pushed, CALL);
    assert.equal(await desiredModel(), "tiny");
    // What a person said of a model stays, whichever was measured meanwhile.
    await coordinator.fleet.reportProfile(
      { ...report, report: "r3", profile: { ...profile, measuredAtMs: profile.measuredAtMs + 1 } },
      CALL,
    );
    await documentFor(coordinator, "pi-1", "report r3");
    const again = reportOf("pi-1", "r4");
    const measured = { ...again.profile, measuredAtMs: again.profile.measuredAtMs + 1 };
    await coordinator.fleet.reportProfile({ ...again, profile: measured }, CALL);
    const document = await documentFor(coordinator, "pi-1", "report r4");
    assert.deepEqual(
      [document.model, document.budget, document.budgetSource, document.objective],
      ["tiny", budget, "given", "memory"],
    );
  });

  void it("asks a device for what another store held, once, and probes under names of its own", async (context) => {
    const hello = helloOf("pi-1");
    const lost = await started(context);
    const [first] = (await lost.fleet.hello(hello, CALL)).probes;
    const coordinator = await started(context);
    const { measuredAtMs } = reportOf("pi-1", "r1").profile;
    const profiles = [{ model: "tiny", measuredAtMs }];
    const appliedVersion = { epoch: 1, version: 4 };
    const told = { models: hello.models, profiles, appliedVersion };
    const { identity, resources } = hello;
    const heartbeat = { identity, resources, appliedVersion, conditions: [] };
    const beat = { ...heartbeat, reportedDigest: reportedDigest(told) };
    assert.equal((await coordinator.fleet.heartbeat(beat, CALL)).needsHello, true, "the device is not known");
    const answer = await coordinator.fleet.hello({ ...hello, profiles, appliedVersion }, CALL);
    assert.equal(answer.needsStatus, true);
    assert.deepEqual(
      answer.probes.map(({ model, isFresh }) => [model, isFresh]),
      [["tiny", false]],
    );
    assert.notEqual(answer.probes[0]?.order, first?.order);
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r2"), CALL);
    await coordinator.fleet.reportStatus(documentReport("pi-1", 1, 4, "applied"), CALL);
    const document = await documentFor(coordinator, "pi-1", "report r2");
    assert.ok(document.version.version > 4);
    assert.equal((await coordinator.fleet.heartbeat(beat, CALL)).needsHello, false, "both hold the same");
    const settled = await coordinator.fleet.hello({ ...hello, profiles, appliedVersion }, CALL);
    assert.deepEqual([settled.needsStatus, settled.probes], [false, []]);
    const events = await eventually(async () => {
      const request = { tenant: "acme", beforeSequence: 0, pageSize: 100 };
      const { events } = await coordinator.admin.listEvents(request, CALL);
      return events.some(({ kind }) => kind === "profile-stored") ? events : undefined;
    });
    assert.equal(events.filter(({ kind }) => kind === "device-asked-again").length, 1);
  });

  void it("asks again by hand: for reports, and for a probe", async (context) => {
    const coordinator = await started(context);
    await documented(coordinator, "pi-1");
    const hello = helloOf("pi-1", {
      profiles: [{ model: "tiny", measuredAtMs: reportOf("pi-1", "r1").profile.measuredAtMs }],
    });
    const { identity, resources } = hello;
    const asks = async () =>
      (await coordinator.fleet.heartbeat({ identity, resources, conditions: [] }, CALL)).needsHello;
    assert.equal(await asks(), false);
    await coordinator.admin.refreshDevice({ identity }, CALL);
    assert.equal(await asks(), true);
    const refreshed = await coordinator.fleet.hello(hello, CALL);
    assert.deepEqual(
      refreshed.probes.map(({ isFresh }) => isFresh),
      [false],
    );
    assert.deepEqual((await coordinator.fleet.hello(hello, CALL)).probes, [], "asked once");
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await coordinator.admin.probeDevice({ identity, model: "tiny" }, CALL), { models: ["tiny"] });
    assert.equal(await asks(), true);
    const probed = await coordinator.fleet.hello(hello, CALL);
    assert.deepEqual(
      probed.probes.map(({ isFresh }) => isFresh),
      [true],
    );
    assert.deepEqual((await coordinator.fleet.hello(hello, CALL)).probes, probed.probes, "one order, until it is done");
    await new Promise((resolve) => setTimeout(resolve, 5));
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r2"), CALL);
    assert.deepEqual((await coordinator.fleet.hello(hello, CALL)).probes, []);
    await assert.rejects(coordinator.admin.probeDevice({ identity, model: "other" }, CALL), /does not serve other/u);
  });

  void it("shows what is wrong with a device while it is", async (context) => {
    const coordinator = await started(context);
    const { identity, resources, ...hello } = helloOf("pi-1");
    await coordinator.fleet.hello({ identity, resources, ...hello }, CALL);
    const unread = { code: "unreadable", sinceMs: 5, message: "cannot read cam" } as const;
    const shown = async () => (await coordinator.admin.getDevice({ identity }, CALL)).device.conditions;
    for (const conditions of [[unread], [unread], []]) {
      await coordinator.fleet.heartbeat({ identity, resources, conditions }, CALL);
      assert.deepEqual(await shown(), conditions);
      const { text } = await coordinator.metrics.page();
      assert.equal(text.includes('mpo_device_conditions{code="unreadable"} 1'), conditions.length === 1);
      // A page of metrics counts the fleet at most every 50 ms.
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    const kinds = await eventually(async () => {
      const request = { tenant: "acme", beforeSequence: 0, pageSize: 100 };
      const { events } = await coordinator.admin.listEvents(request, CALL);
      const kinds = events.map(({ kind }) => kind).filter((kind) => kind.startsWith("condition-"));
      return kinds.includes("condition-over") ? kinds : undefined;
    });
    assert.deepEqual(kinds, ["condition-over", "condition-began"]);
  });

  void it("shows what a device is busy with, until it is idle or away", async (context) => {
    const coordinator = await started(context);
    const { identity, resources, ...hello } = helloOf("pi-1");
    const doing = { kind: "probe", model: "fashion", untilMs: 7 } as const;
    const shown = async () => (await coordinator.admin.getDevice({ identity }, CALL)).device.doing;
    await coordinator.fleet.hello({ identity, resources, ...hello, doing }, CALL);
    assert.deepEqual(await shown(), doing);
    const window = { ...doing, kind: "window" } as const;
    await coordinator.fleet.heartbeat({ identity, resources, conditions: [], doing: window }, CALL);
    assert.deepEqual(await shown(), window);
    await coordinator.fleet.heartbeat({ identity, resources, conditions: [] }, CALL);
    assert.equal(await shown(), undefined);
  });

  void it("greets a device that has nothing new without asking the store", async (context) => {
    const server = freshServer();
    const coordinator = await started(context, server);
    const { version } = await documented(coordinator, "pi-1");
    await coordinator.fleet.hello(helloOf("pi-1", { appliedVersion: version }), CALL);
    // What a store that does not answer can not be asked.
    server.crash();
    const answer = await coordinator.fleet.hello(helloOf("pi-1", { appliedVersion: version }), CALL);
    assert.deepEqual([answer.desiredVersion, answer.desired], [version, undefined]);
    server.restart();
  });

  void it("tells of a probe that failed until one has ended well", async (context) => {
    const coordinator = await started(context);
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    const report = reportOf("pi-1", "r1");
    const { measuredAtMs } = report.profile;
    await coordinator.fleet.reportStatus(probeReport("pi-1", 1, measuredAtMs - 1, "no memory"), CALL);
    const identity = identityOf("pi-1");
    const failures = async () => (await coordinator.admin.getDevice({ identity }, CALL)).probeFailures;
    assert.deepEqual(
      (await failures()).map(({ model, message }) => [model, message]),
      [["tiny", "no memory"]],
    );
    const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 10 }, CALL);
    assert.equal(events.find(({ kind }) => kind === "probe-failed")?.message, "tiny, 1 in a row: no memory");
    await systemClock.sleep(2);
    await coordinator.fleet.reportProfile(report, CALL);
    assert.deepEqual(await failures(), []);
    await systemClock.sleep(2);
    const setBackMs = 1_000;
    await coordinator.fleet.reportStatus(probeReport("pi-1", 2, measuredAtMs - setBackMs, "again"), CALL);
    assert.equal((await failures()).length, 1, "the device's clock may have been set");
  });

  void it("asks for a chain that it does not have, and takes one that another device sent", async (context) => {
    const coordinator = await started(context);
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    await coordinator.fleet.hello(helloOf("pi-2"), CALL);
    const { chain: _, ...without } = reportOf("pi-1", "r1");
    assert.equal((await coordinator.fleet.reportProfile(without, CALL)).needsChain, true);
    const repeated = await coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
    assert.deepEqual([repeated.isDuplicate, repeated.needsChain], [true, false]);
    await documentFor(coordinator, "pi-1", "report r1");
    const { chain: __, ...other } = reportOf("pi-2", "r1");
    assert.equal((await coordinator.fleet.reportProfile(other, CALL)).needsChain, false);
    await documentFor(coordinator, "pi-2", "report r1");
  });

  void it("stores a report once, however often it comes, and makes one document of it", async (context) => {
    const coordinator = await started(context);
    await documented(coordinator, "pi-1");
    const answers = await Promise.all(
      [1, 2, 3].map(() => coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), CALL)),
    );
    assert.deepEqual(
      answers.map(({ isDuplicate }) => isDuplicate),
      [true, true, true],
    );
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r2", 2), CALL);
    const second = await documentFor(coordinator, "pi-1", "report r2");
    assert.deepEqual(second.version, { epoch: 1, version: 2 });
    // An old one that comes late changes nothing.
    await coordinator.fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
    const { events } = await coordinator.admin.listEvents({ tenant: "acme", beforeSequence: 0, pageSize: 100 }, CALL);
    assert.equal(events.filter(({ kind }) => kind === "profile-stored").length, 2);
    const { document } = await coordinator.admin.getConfig({ identity: identityOf("pi-1") }, CALL);
    assert.deepEqual(document.version, { epoch: 1, version: 2 });
  });

  void it("refuses reports of devices that it does not know", async (context) => {
    const coordinator = await started(context);
    await assert.rejects(coordinator.fleet.reportProfile(reportOf("pi-9", "r1"), CALL), {
      code: "not-found",
    });
    const beat = await coordinator.fleet.heartbeat(
      { identity: identityOf("pi-9"), resources: helloOf("x").resources, conditions: [] },
      CALL,
    );
    assert.equal(beat.needsHello, true);
  });

  void it("gets above what devices know when it comes back with an older store", async (context) => {
    const server = freshServer();
    const coordinator = await started(context, server);
    await documented(coordinator, "pi-1");
    const versionFloor = { epoch: 1, version: 41 };
    const answer = await coordinator.fleet.hello(helloOf("pi-1", { versionFloor }), CALL);
    assert.deepEqual(answer.desiredVersion, { epoch: 1, version: 42 });
    assert.deepEqual((await coordinator.fleet.hello(helloOf("pi-1", { versionFloor }), CALL)).desiredVersion, {
      epoch: 1,
      version: 42,
    });
    // Also before there is any document.
    await coordinator.fleet.hello(helloOf("pi-2", { versionFloor: { epoch: 3, version: 7 } }), CALL);
    await coordinator.fleet.reportProfile(reportOf("pi-2", "r1"), CALL);
    const document = await documentFor(coordinator, "pi-2", "report r1");
    assert.deepEqual(document.version, { epoch: 3, version: 8 });
    const beat = { identity: identityOf("pi-2"), resources: helloOf("x").resources, conditions: [] };
    const appliedVersion = { epoch: 3, version: 20 };
    const restarted = await started(context, server);
    assert.equal((await restarted.fleet.heartbeat({ ...beat, appliedVersion }, CALL)).needsHello, true);
    // Its release gives no documents: it gets the store's.
    await coordinator.fleet.hello(helloOf("pi-2", { versionFloor: appliedVersion, appliedVersion }), CALL);
    const raised = await coordinator.admin.getConfig({ identity: identityOf("pi-2") }, CALL);
    assert.deepEqual(raised.document.version, { epoch: 3, version: 21 });
  });

  void it("lets no device go back for an older store: it keeps what it runs, above all that it knows", async (context) => {
    const coordinator = await started(context);
    const stored = await documented(coordinator, "pi-1");
    const budget = { memoryBytes: 40_000_000, windowMs: 60_000 };
    const newer = { ...stored, budget, budgetSource: "given", version: { epoch: 1, version: 9 } } as const;
    const applied = { document: desiredDocumentCodec.toBytes(newer), signatures: [] };
    const known = { versionFloor: { epoch: 1, version: 11 }, appliedVersion: newer.version, protocol: PROTOCOL };
    const asked = await coordinator.fleet.hello(helloOf("pi-1", known), CALL);
    assert.deepEqual([asked.needsDocument, asked.protocol], [true, PROTOCOL]);
    const kept = await coordinator.fleet.hello(helloOf("pi-1", { ...known, applied }), CALL);
    assert.deepEqual([kept.needsDocument, kept.desiredVersion], [undefined, { epoch: 1, version: 12 }]);
    const { document } = await coordinator.admin.getConfig({ identity: identityOf("pi-1") }, CALL);
    assert.deepEqual([document.budget, document.request], [budget, "keep-1-11"]);
    const again = await coordinator.fleet.hello(helloOf("pi-1", { ...known, applied }), CALL);
    assert.deepEqual(again.desiredVersion, { epoch: 1, version: 12 }, "once");

    // Another one than it says, or another device's, is of no use.
    await documented(coordinator, "pi-2");
    const floor = { epoch: 1, version: 30 };
    const strange = helloOf("pi-2", { ...known, versionFloor: floor, applied });
    assert.deepEqual((await coordinator.fleet.hello(strange, CALL)).desiredVersion, { epoch: 1, version: 31 });
    const other = await coordinator.admin.getConfig({ identity: identityOf("pi-2") }, CALL);
    assert.equal(other.document.request, "raise-1-30");
  });

  void it("pushes by hand, refuses a push over another's, and rolls back to what was confirmed", async (context) => {
    const coordinator = await started(context);
    const { admin, fleet } = coordinator;
    const identity = identityOf("pi-1");
    const first = await documented(coordinator, "pi-1");
    await fleet.reportStatus(documentReport("pi-1", 1, 1, "confirmed"), CALL);
    const config = { ...(first.rungs[0] as (typeof first.rungs)[0]).config, checkpoints: { kind: "none" } as const };
    const pushed = await admin.pushConfig(
      { identity, model: "tiny", config, expectedVersion: first.version, reason: "trial" },
      CALL,
    );
    assert.deepEqual(
      pushed.document.rungs.map((rung) => rung.config),
      [config],
    );
    await assert.rejects(
      admin.pushConfig({ identity, model: "tiny", expectedVersion: first.version, reason: "" }, CALL),
      { code: "conflict" },
    );
    const budget = { memoryBytes: 40_000_000, windowMs: 60_000 };
    const small = await admin.pushConfig({ identity, model: "tiny", budget, reason: "" }, CALL);
    assert.deepEqual(small.document.budget, budget);
    const kept = await admin.pushConfig({ identity, model: "tiny", objective: "memory", reason: "" }, CALL);
    assert.deepEqual([kept.document.budget, kept.document.objective], [budget, "memory"]);
    await assert.rejects(
      admin.pushConfig({ identity, model: "tiny", budget: { memoryBytes: 10, windowMs: 60_000 }, reason: "" }, CALL),
      { code: "over-budget" },
    );
    await assert.rejects(admin.rollbackConfig({ identity, expectedVersion: first.version, reason: "" }, CALL), {
      code: "conflict",
    });
    const expectedVersion = kept.document.version;
    const back = await admin.rollbackConfig({ identity, expectedVersion, reason: "it was better" }, CALL);
    assert.deepEqual(back.document.version, { epoch: 1, version: 5 });
    assert.deepEqual(back.document.rungs, first.rungs);
    const old = await admin.getConfig({ identity, version: { epoch: 1, version: 2 } }, CALL);
    assert.deepEqual(old.document.rungs, pushed.document.rungs);
    await assert.rejects(admin.getConfig({ identity, version: { epoch: 1, version: 99 } }, CALL), {
      code: "not-found",
    });
    const kinds = await eventually(async () => {
      const { events } = await admin.listEvents(
        { tenant: "acme", device: "pi-1", beforeSequence: 0, pageSize: 50 },
        CALL,
      );
      return events[0]?.kind === "config-rolled-back" ? events.map(({ kind }) => kind) : undefined;
    });
    assert.equal(kinds.filter((kind) => kind === "config-pushed").length, 4);
  });

  void it("keeps what became of documents and windows, in whatever order it hears of it", async (context) => {
    const coordinator = await started(context);
    const { admin, fleet } = coordinator;
    const { rungs } = await documented(coordinator, "pi-1");
    const rung = rungs[0] as (typeof rungs)[0];
    const reports = [
      documentReport("pi-1", 3, 1, "confirmed"),
      documentReport("pi-1", 2, 1, "applied"),
      documentReport("pi-1", 1, 1, "accepted"),
      windowReport("pi-1", 5, rung),
      windowReport("pi-1", 4, rung),
    ];
    for (const report of [...reports, ...reports]) await fleet.reportStatus(report, CALL);
    const { device, windows } = await admin.getDevice({ identity: identityOf("pi-1") }, CALL);
    assert.equal(device.reportedStatus?.state, "confirmed");
    assert.deepEqual(
      windows.map(({ window }) => window),
      ["window-5", "window-4"],
    );
    assert.deepEqual(windows[0]?.rung, rung);
    // The device's clock says 2023: ages are counted from when it was received.
    assert.ok(Date.now() - (windows[0]?.receivedAtMs ?? 0) < 60_000);
    const [profile] = admin.listProfiles({ tenant: "acme", pageSize: 10 }).profiles;
    assert.ok(Date.now() - (profile?.receivedAtMs ?? 0) < 60_000 && Date.now() - (profile?.measuredAtMs ?? 0) > 1e9);
  });

  void it("lists by page, label and class", async (context) => {
    const coordinator = await started(context);
    for (const name of ["b", "a", "d", "c"]) {
      await coordinator.fleet.hello(helloOf(name, { labels: [{ name: "site", value: name < "c" ? "n" : "s" }] }), CALL);
    }
    const query = { tenant: "acme", pageSize: 3 };
    const first = coordinator.admin.listDevices(query);
    assert.deepEqual(
      first.devices.map(({ identity }) => identity.device),
      ["a", "b", "c"],
    );
    assert.equal(first.devices[0]?.presence, "online");
    const { nextPageToken } = first;
    assert.ok(nextPageToken !== undefined);
    const second = coordinator.admin.listDevices({ ...query, pageToken: nextPageToken });
    assert.deepEqual(
      second.devices.map(({ identity }) => identity.device),
      ["d"],
    );
    assert.equal(second.nextPageToken, undefined);
    const north = coordinator.admin.listDevices({ ...query, where: "label.site = n" });
    assert.equal(north.devices.length, 2);
    assert.equal(coordinator.admin.listDevices({ ...query, where: "class = other" }).devices.length, 0);
    assert.equal(coordinator.admin.listDevices({ ...query, tenant: "other" }).devices.length, 0);
    assert.throws(() => coordinator.admin.listDevices({ ...query, pageToken: "nonsense" }), {
      code: "invalid-argument",
    });
  });

  void it("tells of events as they happen", async (context) => {
    const coordinator = await started(context);
    const ends = new AbortController();
    const kinds: string[] = [];
    const watching = (async () => {
      const request = { tenant: "acme", afterSequence: 0 };
      for await (const { event } of coordinator.admin.watchEvents(request, { signal: ends.signal })) {
        kinds.push(event.kind);
        if (kinds.length === 3) ends.abort();
      }
    })();
    await documented(coordinator, "pi-1");
    await watching;
    assert.deepEqual(kinds, ["device-enrolled", "profile-stored", "config-pushed"]);
  });
});

void describe("several coordinators over one store", () => {
  void it("make one document for each report, whoever takes it", async (context) => {
    const server = freshServer();
    const all = await Promise.all([1, 2, 3].map(() => started(context, server)));
    const names = Array.from({ length: 12 }, (_, index) => `pi-${index}`);
    await Promise.all(
      names.map(async (name, index) => {
        const at = (offset: number): Coordinator => all[(index + offset) % all.length] as Coordinator;
        await at(0).fleet.hello(helloOf(name), CALL);
        // The same report goes to two of them at once, as after a lost answer.
        await Promise.all([1, 2].map((offset) => at(offset).fleet.reportProfile(reportOf(name, "r1"), CALL)));
      }),
    );
    const [first] = all as [Coordinator];
    for (const name of names) await documentFor(first, name, "report r1");
    const store = server.connect();
    await eventually(async () => ((await store.keys("work")).length === 0 ? true : undefined));
    for (const name of names) {
      const { document } = await first.admin.getConfig({ identity: identityOf(name) }, CALL);
      assert.deepEqual(document.version, { epoch: 1, version: 1 }, name);
    }
    const watched = new Map<string, number>();
    for (const key of await store.keys("desired")) {
      const entry = await store.get("desired", key);
      assert.ok(entry !== undefined);
      const { device } = desiredDocumentCodec.fromBytes(desiredEnvelopeCodec.fromBytes(entry.value).document);
      watched.set(device, (watched.get(device) ?? 0) + 1);
    }
    assert.deepEqual(
      [...watched.values()],
      names.map(() => 1),
    );
    await store.close();
  });

  void it("take over what another began and did not end", async (context) => {
    const server = freshServer();
    const first = await startCoordinator(server, { name: "first", leaseMs: 200 });
    await first.fleet.hello(helloOf("pi-1"), CALL);
    await first.stop();
    // Its report is stored, and its claim says that it is at it; it never will be.
    await first.fleet.reportProfile(reportOf("pi-1", "r1"), CALL);
    const store = server.connect();
    const [key] = await store.keys("work");
    assert.ok(key !== undefined);
    const entry = await store.get("work", key);
    assert.ok(entry !== undefined);
    const work = JSON.parse(Buffer.from(entry.value).toString("utf8")) as { value: object };
    const claimed = { ...work, value: { ...work.value, owner: "first", attempts: 1 } };
    await store.put("work", key, Buffer.from(JSON.stringify(claimed)));
    const second = await started(context, server, { name: "second", leaseMs: 200 });
    const document = await documentFor(second, "pi-1", "report r1");
    assert.deepEqual(document.version, { epoch: 1, version: 1 });
    await store.close();
  });
});
