import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { type ReportStatusRequest, reportedDigest } from "@mpo/protocol";
import { documentOf, envelopeOf, IDENTITY, ladder, MODEL_DIGEST, START_MS } from "../test-support/documents.ts";
import { killed } from "../test-support/fake-device.ts";
import { inWorld, SETTINGS, type World } from "../test-support/world.ts";
import { createAgent } from "./agent.ts";

void describe("an agent", () => {
  it("takes no configuration while another machine has its name, and the newest when that is gone", () =>
    inWorld(async (world) => {
      const { fleet } = world;
      await world.start();
      await world.pass(10);
      fleet.doubledBy = "machine abc";
      await world.pass(60);
      fleet.push(documentOf(1));
      await world.pass(60);
      assert.equal(world.applied, undefined);
      fleet.doubledBy = undefined;
      await world.pass(60);
      assert.equal(world.applied, 1);
      await world.restart();
      await world.pass(60);
      assert.equal(fleet.instances.size, 2, "each start has an instance of its own");
    }));

  it("enrols once, says hello, probes, and reports the profile once", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(20);
      await world.restart();
      await world.pass(20);
      assert.equal(world.fleet.enrolled.length, 1);
      assert.equal(world.fleet.hellos.length, 2);
      assert.equal(world.device.probes, 1);
      assert.equal(world.fleet.profiles.length, 1);
      assert.ok(world.fleet.profiles[0]?.chain !== undefined);
      assert.equal(world.agent?.snapshot().waitingReports, 0);
    }));

  it("does not measure again because its clock was set", () =>
    inWorld(async (world) => {
      const { clock, fleet, device } = world;
      clock.jumpWallClock(-START_MS);
      fleet.aheadMs = START_MS;
      await world.start();
      await world.pass(100);
      assert.equal(device.probes, 1);
      assert.deepEqual(fleet.conditions, ["clock-wrong"]);
      clock.jumpWallClock(START_MS);
      fleet.aheadMs = 0;
      await world.pass(100);
      assert.deepEqual([device.probes, fleet.conditions], [1, []]);
    }));

  it("logs once which models it serves and does not retrain", () =>
    inWorld(async (world) => {
      const { device, fleet, log } = world;
      const others = (): readonly string[] =>
        log.flatMap((line) => /"model":"(\w+)","others":\["(\w+)"\]/u.exec(line)?.slice(1).join() ?? []);
      await world.start();
      fleet.push(documentOf(1));
      await world.pass(100);
      assert.deepEqual(others(), []);
      device.models = [...device.models, { name: "mic", manifestDigest: MODEL_DIGEST }];
      await world.pass(100);
      assert.deepEqual(others(), ["resnet,mic"]);
      fleet.push(documentOf(2));
      await world.pass(100);
      assert.deepEqual(others(), ["resnet,mic"]);
    }));

  it("reports that it is throttled and that a probe waits for it, as long as it is so", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      device.isThrottled = true;
      await world.start();
      await world.pass(40);
      assert.deepEqual(fleet.conditions, ["throttled"], "a probe may wait for a minute without a word");
      await world.pass(100);
      assert.deepEqual([fleet.conditions.toSorted(), device.probes], [["probe-waits", "throttled"], 0]);
      device.isThrottled = false;
      await world.pass(100);
      assert.deepEqual([fleet.conditions, device.probes], [[], 1]);
    }));

  it("reports that lines of its log are lost, until one is written again", () =>
    inWorld(async (world) => {
      const { fleet } = world;
      const outage = async (): Promise<void> => {
        fleet.isCutOff = true;
        await world.pass(200);
        fleet.isCutOff = false;
        await world.pass(200);
      };
      await world.start();
      world.hasLogReader = false;
      await outage();
      assert.deepEqual(fleet.conditions, ["log-not-written"]);
      world.hasLogReader = true;
      await outage();
      assert.deepEqual(fleet.conditions, []);
    }));

  it("names a model that came after its hello before it reports what it measured of it", () =>
    inWorld(async (world) => {
      world.device.hasModel = false;
      await world.start();
      await world.pass(6);
      assert.deepEqual(
        world.fleet.hellos.map(({ models }) => models.length),
        [0],
      );
      world.device.hasModel = true;
      await world.pass(6);
      assert.deepEqual(
        world.fleet.hellos.map(({ models }) => models.length),
        [0, 1],
      );
      assert.equal(world.fleet.profiles.length, 0);
      await world.pass(20);
      assert.deepEqual([world.fleet.hellos.length, world.fleet.profiles.length], [2, 1]);
    }));

  it("is more patient with a coordinator that has so many devices that it wants to hear of each less often", async () => {
    const missed: number[] = [];
    for (const heartbeatSeconds of [30, 240]) {
      await inWorld(async (world) => {
        world.fleet.heartbeatSeconds = heartbeatSeconds;
        await world.start();
        await world.pass(300);
        world.fleet.isCutOff = true;
        await world.pass(600);
        missed.push(world.fleet.missedCalls);
        world.fleet.isCutOff = false;
        await world.pass(2_400);
        assert.equal(world.agent?.snapshot().isOnline, true);
        assert.equal(world.fleet.hellos.length, 2, "after an outage it introduces itself again");
      });
    }
    const [small = 0, large = 0] = missed;
    assert.ok(large >= 1 && small >= 1.5 * large, `${small} calls in a small fleet, ${large} in a large one`);
  });

  it("keeps a profile that it could not send, over a crash, and sends it once", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(1);
      world.fleet.isCutOff = true;
      await world.pass(30);
      assert.equal(world.device.probes, 1);
      world.disk.crash();
      await world.restart();
      await world.pass(30);
      world.fleet.isCutOff = false;
      world.fleet.losesAnswers = true;
      await world.pass(700);
      world.fleet.losesAnswers = false;
      await world.pass(700);
      assert.equal(world.fleet.profiles.length, 1);
      assert.ok(world.fleet.duplicates > 0, "it was sent again, and recognised");
      assert.equal(world.device.probes, 1);
    }));

  it("reports again what a coordinator lacks, without measuring it again, unless it is to be fresh", () =>
    inWorld(async (world) => {
      const { fleet, device } = world;
      await world.start();
      fleet.push(documentOf(1));
      await world.pass(70);
      const [first] = fleet.profiles;
      const order = { order: "o1", model: "resnet", manifestDigest: MODEL_DIGEST, configs: [], maxMs: 60_000 };
      const told = {
        models: device.models,
        profiles: [{ model: "resnet", measuredAtMs: first?.profile.measuredAtMs ?? 0 }],
      };
      assert.equal(fleet.digests.at(-1), reportedDigest({ ...told, appliedVersion: { epoch: 1, version: 1 } }));
      const statuses = world.told.length;
      await world.restart();
      fleet.orders = [{ ...order, isFresh: false }];
      fleet.needsStatus = true;
      fleet.forgets = true;
      await world.pass(90);
      assert.deepEqual(fleet.hellos.at(-1)?.profiles, told.profiles);
      assert.equal(device.probes, 1);
      assert.equal(fleet.profiles.length, 1, "the same report, stored once");
      assert.ok(fleet.duplicates > 0);
      assert.ok(world.told.length > statuses);
      fleet.orders = [{ ...order, order: "o2", isFresh: true }];
      fleet.forgets = true;
      await world.pass(90);
      assert.equal(device.probes, 2);
      assert.equal(fleet.profiles.at(-1)?.order, "o2");
    }));

  it("says hello again when it serves other models, and only then", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(100);
      assert.equal(world.fleet.hellos.length, 1);
      world.device.models = [...world.device.models, { name: "second", manifestDigest: MODEL_DIGEST }];
      await world.pass(100);
      assert.equal(world.fleet.hellos.length, 2);
      assert.equal(world.fleet.hellos[1]?.models.length, 2);
      world.device.models = world.device.models.slice(1);
      await world.pass(100);
      assert.deepEqual(
        world.fleet.hellos.map(({ models }) => models.length),
        [1, 2, 1],
      );
    }));

  it("tells of folders that are no models, or fill, while that is so", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      await world.start();
      device.passedOver = [{ path: "/srv/cam", why: "permission denied" }];
      device.crowds = [{ folder: "/srv/resnet/inputs", count: 12_345 }];
      await world.pass(70);
      assert.deepEqual(fleet.conditions, ["unreadable", "inputs-not-removed"]);
      device.passedOver = [];
      device.crowds = [];
      await world.pass(70);
      assert.deepEqual(fleet.conditions, []);
    }));

  it("takes a refusal for what it is: an error, with waits that grow to a quarter of an hour", () =>
    inWorld(async (world) => {
      const { fleet } = world;
      await world.start();
      fleet.refuses = true;
      await world.pass(3_600);
      const refusals = world.log.filter((line) => line.includes("the coordinator refuses this device"));
      assert.ok(refusals.every((line) => line.includes('"level":"error"') && line.includes("labels is wrong")));
      const waits = refusals.map((line) => (JSON.parse(line) as { readonly waitMs: number }).waitMs / 1000);
      assert.deepEqual(waits.slice(0, 9), [5, 10, 20, 40, 80, 160, 320, 640, 900]);
      assert.ok(!world.log.some((line) => line.includes("could not be reached")));
      fleet.refuses = false;
      await world.pass(900);
      assert.equal(world.agent?.snapshot().isOnline, true);
    }));

  it("goes on with one model when the inputs of another cannot be read", () =>
    inWorld(async (world) => {
      const { device } = world;
      device.models = [{ name: "broken", manifestDigest: MODEL_DIGEST }, ...device.models];
      device.onLook = (model) => {
        if (model === "broken") throw new MpoError("precondition-failed", "cannot read it");
      };
      await world.start();
      await world.pass(60);
      assert.ok(world.fleet.profiles.some(({ profile }) => profile.model.name === "resnet"));
      assert.deepEqual(world.fleet.conditions, ["unreadable"]);
      assert.equal(world.log.filter((line) => line.includes("cannot read it")).length, 1, "it is logged once");
    }));

  it("refuses labels that a coordinator would refuse, before it starts", async () => {
    const label = { name: "site", value: "a" };
    const ports = {} as Parameters<typeof createAgent>[1];
    await assert.rejects(createAgent({ ...SETTINGS, labels: [label, label] }, ports), {
      code: "invalid-argument",
      message: /labels\[1\]\.name is "site"; expected each name once/u,
    });
  });

  it("tells of probes that fail, in words that fit the wire, until one does not", () =>
    inWorld(async (world) => {
      world.device.onProbe = () => {
        throw new MpoError("over-budget", "the machine's memory\nran short", { hint: "Free some." });
      };
      await world.start();
      await world.pass(150);
      const failures = world.fleet.statuses.flatMap(({ status }) => (status.kind === "probe" ? [status.probe] : []));
      assert.deepEqual(
        failures.map(({ model, failures, message }) => [model, failures, message]),
        [1, 2].map((count) => ["resnet", count, "the machine's memory ran short. Free some."]),
      );
      const waits = failures.map(({ failedAtMs, retryAtMs }) => retryAtMs - failedAtMs);
      assert.deepEqual(waits, [60_000, 120_000]);
      world.device.onProbe = undefined;
      await world.pass(200);
      assert.equal(world.fleet.profiles.length, 1);
      assert.equal(world.fleet.statuses.filter(({ status }) => status.kind === "probe").length, 2);
    }));

  it("applies a push within a moment, and a lost push by the next heartbeat", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(10);
      world.fleet.push(documentOf(1));
      await world.pass(0.01);
      assert.equal(world.applied, 1);
      world.fleet.push(documentOf(2), true);
      await world.pass(70);
      assert.equal(world.applied, 2);
      assert.deepEqual(world.told.slice(0, 2), ["1 applied -", "1 applied 2"]);
    }));

  it("goes to the newest in one step after a long time offline, and takes no older one afterwards", () =>
    inWorld(async (world) => {
      await world.start();
      await world.pass(10);
      world.fleet.push(documentOf(1));
      await world.pass(1);
      world.fleet.isCutOff = true;
      await world.pass(100);
      for (let version = 2; version <= 40; version++) world.fleet.push(documentOf(version));
      await world.pass(86_400 / 2);
      assert.equal(world.applied, 1);
      world.fleet.isCutOff = false;
      world.fleet.hub.disconnectAll();
      await world.pass(600);
      assert.equal(world.applied, 40);
      const versions = new Set(world.told.map((told) => told.split(" ")[0]));
      assert.deepEqual([...versions], ["1", "40"]);
      // A coordinator that came back with an older store.
      world.fleet.push(documentOf(3));
      world.fleet.forgets = true;
      await world.pass(100);
      assert.equal(world.applied, 40);
      assert.deepEqual(world.fleet.hellos.at(-1)?.versionFloor, { epoch: 1, version: 40 });
    }));

  it("reports which check refused a configuration, and takes it once the reason is gone", () =>
    inWorld(async (world) => {
      const { fleet, device } = world;
      const messages = (): readonly string[] =>
        fleet.statuses.flatMap(({ status }) => (status.kind === "document" ? [status.document.message] : []));
      await world.start();
      fleet.push(documentOf(1));
      await world.pass(70);
      fleet.push(documentOf(2, { model: "mobilenet" }));
      await world.pass(70);
      const words = "other-model: it is for model mobilenet; this device serves resnet";
      assert.deepEqual([world.applied, messages().at(-1), fleet.conditions], [1, words, ["document-refused"]]);
      device.models = [...device.models, { name: "mobilenet", manifestDigest: MODEL_DIGEST }];
      await world.pass(70);
      assert.deepEqual([world.applied, fleet.conditions], [2, []]);
      assert.deepEqual(world.told.slice(-3), ["2 refused -", "2 applied -", "2 applied 2"]);
      fleet.push(documentOf(3, { tenant: "other" }));
      await world.pass(70);
      assert.match(messages().at(-1) ?? "", /^other-tenant: /u);
      assert.equal(world.applied, 2);
    }));

  it("refuses what its owner does not allow, keeps its last good, and takes it once it is allowed", () =>
    inWorld(async (world) => {
      const { fleet, device } = world;
      const messages = (): readonly string[] =>
        fleet.statuses.flatMap(({ status }) => (status.kind === "document" ? [status.document.message] : []));
      world.limits = { memory: "310 B" };
      await world.start();
      fleet.push(documentOf(1));
      await world.pass(70);
      assert.deepEqual([world.applied, world.agent?.snapshot().rung], [1, 1], "an idle worker's 100 count");
      assert.ok(device.probed.every(({ memoryBytes }) => memoryBytes <= 210));
      assert.equal(fleet.hellos.at(-1)?.inventory.ownerLimits, "memory 310 B");
      fleet.push(documentOf(2, { rungs: ladder(250, 300) }));
      await world.pass(70);
      assert.match(messages().at(-1) ?? "", /^over-limits: memory: .*; the owner allows /u);
      assert.deepEqual([world.applied, fleet.conditions], [1, ["document-refused"]]);
      world.limits = { memory: "31O B" };
      await world.pass(70);
      assert.deepEqual([world.applied, fleet.conditions.toSorted()], [1, ["document-refused", "unreadable"]]);
      world.limits = { memory: "400 B", models: ["resnet"] };
      await world.pass(70);
      assert.deepEqual([world.applied, world.agent?.snapshot().rung, fleet.conditions], [2, 1, []]);
      assert.equal(fleet.hellos.at(-1)?.inventory.ownerLimits, "memory 400 B, models resnet");
      device.drop(4, 0.5);
      // What is in use is not allowed any more.
      world.limits = { memory: "200 B" };
      await world.pass(70);
      assert.deepEqual(
        [world.applied, world.agent?.snapshot().rung, fleet.conditions],
        [2, undefined, ["document-refused"]],
      );
      fleet.push(documentOf(3, { rungs: ladder(250, 300) }));
      await world.pass(70);
      assert.deepEqual([world.applied, fleet.conditions], [3, ["document-refused"]], "it asks for no more");
      fleet.push(documentOf(4, { rungs: ladder(250, 300), check: true }));
      await world.pass(70);
      assert.equal(world.applied, 3, "but for a check");
      assert.match(messages().at(-1) ?? "", /^over-limits: memory: .*; the owner allows /u);
      world.agent?.openWindow("resnet");
      await world.pass(70);
      assert.equal(device.retrained.length, 0);
      world.limits = {};
      await world.pass(10);
      assert.deepEqual([device.retrained.length, world.agent?.snapshot().limits], [1, ""]);
    }));

  it("works in the owner's hours, on the owner's models and no longer than the owner allows", () =>
    inWorld(async (world) => {
      const { clock, device, fleet } = world;
      // Windows open from two hours on, by the device's local time.
      const clockAt = (ms: number): string => new Date(ms).toTimeString().slice(0, 5);
      const [from, to] = [clockAt(clock.now() + 7_200_000), clockAt(clock.now() + 10_800_000)];
      device.models = [...device.models, { name: "mobilenet", manifestDigest: MODEL_DIGEST }];
      device.drop(4, 0.5);
      world.limits = { hours: [`${from}-${to}`], models: ["resnet"], window: "30 s" };
      await world.start();
      fleet.push(documentOf(1));
      await world.pass(60);
      world.agent?.openWindow("resnet");
      await world.pass(7_000);
      assert.deepEqual([world.applied, device.probes, device.retrained.length], [1, 0, 0]);
      await world.pass(300);
      assert.deepEqual(
        device.probed.map(({ model }) => model),
        ["resnet"],
      );
      assert.deepEqual(
        device.retrained.map(({ maxMs }) => maxMs),
        [30_000],
      );
      fleet.push(documentOf(2, { model: "mobilenet" }));
      await world.pass(70);
      assert.equal(world.applied, 1);
    }));

  it("does not start by a method that its owner does not allow", () =>
    inWorld(async (world) => {
      world.limits = { methods: ["shot", "crossEntropy"] };
      await assert.rejects(world.start(), {
        code: "invalid-argument",
        message: "models are adapted by tent; the owner allows shot, crossEntropy",
      });
      world.limits = '{"methods": "tent"}';
      await assert.rejects(world.start(), { message: /^limits.json: methods is "tent"; expected a list/u });
      world.limits = { methods: ["tent"] };
      await world.start();
    }));

  it("walks the ladder when memory changes, also offline", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      await world.pass(20);
      assert.equal(world.agent?.snapshot().rung, 2);
      world.fleet.isCutOff = true;
      // Reserve 100 and an idle worker of 100 are the serving program's.
      for (const [availableBytes, rung] of [
        [420, 1],
        [320, 0],
        [250, undefined],
        [900, 2],
      ] as const) {
        world.device.availableBytes = availableBytes;
        await world.pass(6);
        assert.equal(world.agent?.snapshot().rung, rung, `${availableBytes} free`);
      }
      world.fleet.isCutOff = false;
      await world.pass(700);
      assert.equal(world.told.at(-1), "1 applied 2");
    }));

  it("opens a window when the inputs drift, publishes, reports, and confirms the document", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(30);
      world.device.drop(1, 0.9);
      await world.pass(60);
      assert.equal(world.device.retrained.length, 0, "it waits for more inputs that have drifted");
      const waits = world.log.filter((line) => line.includes("a retraining waits for more inputs"));
      assert.equal(waits.length, 1, "it is logged once");
      assert.match(waits[0] ?? "", /"count":32,"needed":64/u);
      const drifts = world.fleet.statuses.flatMap(({ status }) => (status.kind === "drift" ? [status.drift] : []));
      assert.deepEqual(
        drifts.map(({ model, message }) => [model, message.startsWith("changed: brightness")]),
        [["resnet", true]],
        "it is reported once",
      );
      world.device.drop(2, 0.9);
      await world.pass(40);
      assert.deepEqual(world.windows, ["replaced"]);
      assert.deepEqual(world.device.published, ["staged"]);
      assert.equal(world.device.retrained[0]?.memoryBytes, 300, "the rung's own bound is the limit");
      assert.equal(world.told.at(-1), "1 confirmed 2");
      const window = world.fleet.statuses.map(({ status }) => status).find(({ kind }) => kind === "window");
      assert.ok(window?.kind === "window");
      const { peakBytes, accuracyBefore, accuracyAfter, steps, rung } = window.window;
      assert.deepEqual(
        [peakBytes, accuracyBefore, accuracyAfter, steps, rung.memoryBytes.upper],
        [50, 0.4, 0.6, 10, 300],
      );
      // What came is the new reference: the same again is no drift.
      world.device.drop(12, 0.9);
      await world.pass(700);
      assert.equal(world.device.retrained.length, 1);
    }));

  it("trains on the inputs that gave a drift away, where all came at once", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(30);
      world.device.drop(2, 0.9);
      await world.pass(60);
      assert.deepEqual(world.windows, ["replaced"]);
    }));

  it("measures on drifted inputs how accuracy moves, and waits a while for the document that comes of it", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(30);
      world.device.drop(4, 0.9);
      await world.pass(6);
      world.device.drop(4, 0.9);
      await world.pass(12);
      const [first, second] = world.device.probed;
      assert.deepEqual([first?.inputFiles, first?.known], [[], undefined]);
      assert.ok(second?.known !== undefined && second.inputFiles.length > 0);
      assert.equal(world.fleet.profiles.length, 2);
      assert.equal(world.device.retrained.length, 0);
      world.fleet.push(documentOf(2));
      await world.pass(1);
      assert.equal(world.agent?.snapshot().doing, "window");
      await world.pass(10);
      assert.deepEqual(world.windows, ["replaced"]);
      assert.equal(world.told.at(-1), "2 confirmed 2");
    }));

  it("lets what a window took join what it knows of the model, for the next drift's report", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(30);
      for (const brightness of [0.9, 0.1]) {
        world.device.drop(4, brightness);
        await world.pass(6);
        world.device.drop(10, brightness);
        await world.pass(700);
        world.device.drop(10, brightness);
        await world.pass(6);
      }
      assert.equal(world.device.retrained.length, 2);
      const [first, second] = world.device.probed.filter(({ known }) => known !== undefined);
      const added = second?.known?.steps.slice(first?.known?.steps.length) ?? [];
      assert.deepEqual(
        added.map(({ peakBytes, stepMs }) => [peakBytes, ...stepMs]),
        [[50, 100]],
      );
      assert.deepEqual(added[0]?.config, world.device.retrained[0]?.rung.config);
    }));

  it("retrains without a coordinator, and after a failed measurement, with the document that is there", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(30);
      world.fleet.isCutOff = true;
      for (const brightness of [0.9, 0.1]) {
        world.device.drop(4, brightness);
        await world.pass(6);
        world.device.drop(10, brightness);
        await world.pass(700);
        world.device.drop(10, brightness);
        await world.pass(6);
        world.device.onProbe = () => {
          throw killed();
        };
      }
      assert.equal(world.device.retrained.length, 2);
      assert.equal(world.device.published.length, 2);
    }));

  it("does not take inputs from before its restart for a drift", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(30);
      world.device.drop(4, 0.9);
      await world.pass(6);
      world.device.drop(14, 0.9);
      await world.pass(700);
      assert.equal(world.device.retrained.length, 1);
      await world.restart();
      await world.pass(30);
      world.device.drop(10, 0.9);
      await world.pass(700);
      assert.equal(world.device.retrained.length, 1);
    }));

  it("marks a configuration whose worker was killed for memory, and tries a cheaper rung in the same window", () =>
    inWorld(async (world) => {
      world.device.onRetrain = (job) => {
        if (job.rung.config.microBatch > 2)
          throw job.rung.config.microBatch === 8 ? killed() : new MpoError("over-memory-cap", "over the cap");
        return {};
      };
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(3, 0.5);
      await world.pass(10);
      world.agent?.openWindow("resnet");
      await world.pass(20);
      assert.deepEqual(world.windows, ["over-memory", "over-memory", "replaced"]);
      assert.equal(world.agent?.snapshot().rung, 0, "the marks hold");
      await world.restart();
      await world.pass(20);
      assert.equal(world.agent?.snapshot().rung, 0, "over a restart too");
    }));

  it("gives a document up whose every rung fails, for the last good one", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(3, 0.5);
      await world.pass(10);
      world.agent?.openWindow("resnet");
      await world.pass(10);
      assert.equal(world.agent?.snapshot().isConfirmed, true);
      world.fleet.push(
        documentOf(2, {
          rungs: documentOf(1).rungs.map((rung) => ({ ...rung, config: { ...rung.config, accumulation: 3 } })),
        }),
      );
      world.device.onRetrain = () => {
        throw killed();
      };
      await world.pass(10);
      world.agent?.openWindow("resnet");
      await world.pass(40);
      assert.equal(world.applied, 1);
      assert.ok(world.told.includes("2 failed -"));
      assert.equal(world.agent?.snapshot().floor?.version, 2);
      await world.pass(300);
      assert.equal(world.applied, 1, "it is not taken again");
    }));

  it("does not train what it could not write", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      await world.start();
      fleet.push(documentOf(1));
      await world.pass(20);
      let tries = 0;
      device.onWrite = () => {
        tries += 1;
        throw new MpoError("precondition-failed", "cannot write into retrained");
      };
      device.drop(64, 0.5);
      world.agent?.openWindow("resnet");
      await world.pass(7 * 3_600);
      assert.equal(device.retrained.length, 0);
      assert.equal(fleet.statuses.filter(({ status }) => status.kind === "window").length, 0, "no window fails");
      assert.ok(tries > 3 && tries < 60, `it is tried seldomer and seldomer: ${tries} times`);
      assert.ok(fleet.conditions.includes("not-writable"), fleet.conditions.join());
      device.onWrite = undefined;
      await world.pass(3_700);
      assert.equal(device.retrained.length, 1);
      assert.ok(!fleet.conditions.includes("not-writable"), fleet.conditions.join());
    }));

  it("says when inputs have stopped, by how they came before", () =>
    inWorld(async (world) => {
      const { device, fleet } = world;
      const isSilent = () => fleet.conditions.includes("inputs-silent");
      await world.start();
      await world.pass(5_000);
      assert.equal(isSilent(), false, "none ever came");
      device.drop(1, 0.5);
      await world.pass(3_000);
      assert.equal(isSilent(), false);
      await world.pass(3_000);
      assert.equal(isSilent(), true);
      device.drop(1, 0.5);
      await world.pass(4_000);
      assert.equal(isSilent(), false, "pauses of this length are usual here");
      await world.pass(16_000);
      assert.equal(isSilent(), true);
    }));

  it("says when its reports wait while it is heard of", () =>
    inWorld(async (world) => {
      const { fleet } = world;
      await world.start();
      await world.pass(120);
      fleet.losesAnswers = true;
      fleet.push(documentOf(1));
      await world.pass(40);
      assert.deepEqual(fleet.conditions, [], "not at once");
      await world.pass(120);
      assert.deepEqual(fleet.conditions, ["report-pending"]);
      fleet.losesAnswers = false;
      await world.pass(400);
      assert.deepEqual(fleet.conditions, []);
    }));

  it("ends a window when the serving program needs the memory", () =>
    inWorld(async (world) => {
      world.device.onRetrain = async () => {
        throw new Error("it must have been ended");
      };
      await world.start();
      world.fleet.push(documentOf(1));
      world.device.drop(3, 0.5);
      await world.pass(10);
      world.agent?.openWindow("resnet");
      await world.pass(0.5);
      assert.equal(world.agent?.snapshot().doing, "window");
      world.device.availableBytes = 20;
      await world.pass(10);
      assert.deepEqual(world.windows, ["cancelled"]);
    }));

  it("refuses what is for another device or model, says so once, and goes on", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      await world.pass(10);
      world.fleet.push(documentOf(2, { expiresAtMs: START_MS + 3 }));
      await world.pass(200);
      assert.equal(world.applied, 1);
      assert.equal(world.told.filter((told) => told === "2 refused -").length, 1);
      world.fleet.push(documentOf(3, { manifestDigest: MODEL_DIGEST.replaceAll("a", "c") }));
      world.device.drop(3, 0.5);
      await world.pass(1);
      world.agent?.openWindow("resnet");
      await world.pass(30);
      assert.ok(world.told.includes("3 failed -"));
      assert.equal(world.device.retrained.length, 0);
    }));

  it("survives a crash at any write, loses no report and sends none twice", async () => {
    const story = async (world: World): Promise<void> => {
      // It may crash before it runs.
      await world.start().catch(() => undefined);
      world.fleet.push(documentOf(1));
      world.device.drop(10, 0.5);
      await world.pass(40);
      world.device.drop(4, 0.9);
      await world.pass(6);
      world.device.drop(4, 0.9);
      await world.pass(60);
    };
    let writes = 0;
    await inWorld(async (world) => {
      await story(world);
      writes = world.disk.writes;
    });
    assert.ok(writes > 15, `${writes} writes`);
    for (let at = 0; at < writes; at++) {
      const fault = at % 2 === 0 ? "crash-before" : "crash-after";
      await inWorld(
        async (world) => {
          await story(world).catch(() => undefined);
          assert.equal(world.disk.isCrashed, true);
          await world.restart();
          await world.pass(200);
          const what = `${fault} at write ${at}`;
          assert.equal(world.applied, 1, what);
          assert.ok(world.fleet.profiles.length >= 1, what);
          // Every profile that a probe made durable came, once: a second one only if the probe ran again.
          assert.ok(world.fleet.profiles.length <= world.device.probes, what);
          assert.equal(world.agent?.snapshot().waitingReports, 0, what);
          const sequences = world.fleet.statuses.map(({ sequence }: ReportStatusRequest) => sequence);
          assert.equal(new Set(sequences).size, sequences.length, `${what}: sequences are not given twice`);
        },
        (write) => (write === at ? fault : "none"),
      );
    }
  });

  it("a full disk is survived: reports are sent from memory, the old configuration stays", () => {
    let isFull = false;
    return inWorld(
      async (world) => {
        await world.start();
        world.fleet.push(documentOf(1));
        await world.pass(2);
        isFull = true;
        world.fleet.push(documentOf(2));
        await world.pass(60);
        assert.equal(world.applied, 1);
        assert.equal(world.fleet.profiles.length, 1);
        assert.ok(world.fleet.conditions.includes("not-writable"), world.fleet.conditions.join());
        isFull = false;
        await world.pass(40);
        assert.equal(world.applied, 2, "with the next heartbeat");
        world.fleet.push(documentOf(3));
        await world.pass(60);
        assert.equal(world.applied, 3);
        assert.ok(!world.fleet.conditions.includes("not-writable"), world.fleet.conditions.join());
      },
      () => (isFull ? "full" : "none"),
    );
  });

  it("does the same twice from the same seed", async () => {
    const trace = async (): Promise<string> => {
      let text = "";
      await inWorld(async (world) => {
        await world.start();
        world.fleet.push(documentOf(1));
        world.device.drop(12, 0.5);
        await world.pass(100);
        text = JSON.stringify([world.fleet.hellos, world.fleet.statuses, world.fleet.profiles, world.fleet.heartbeats]);
      });
      return text;
    };
    assert.equal(await trace(), await trace());
  });

  it("takes garbage on the feed for what it is", () =>
    inWorld(async (world) => {
      await world.start();
      world.fleet.push(documentOf(1));
      await world.pass(5);
      for (const size of [0, 1, 100, 10_000]) world.fleet.hub.publish(`dn.${"x"}`, Buffer.alloc(size));
      const { notifySubject } = await import("@mpo/protocol");
      for (const size of [0, 1, 100, 20_000]) world.fleet.hub.publish(notifySubject(IDENTITY), Buffer.alloc(size, 7));
      world.fleet.hub.publish(notifySubject(IDENTITY), envelopeOf(documentOf(99, { device: "other" })));
      await world.pass(60);
      assert.equal(world.applied, 1);
      world.fleet.push(documentOf(2));
      await world.pass(1);
      assert.equal(world.applied, 2);
    }));
});
