import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { SIGNATURE_LENGTH } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { type Adaptation, FLEET_SERVICE, LIMITS, type ReportAdaptationRequest, type WindowResult } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { BUCKETS } from "@mpo/transport";
import type { MemoryStateServer } from "@mpo/transport/testing";
import type { Coordinator } from "../coordinator.ts";
import {
  CALL,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  MODEL_DIGEST,
  startCoordinator,
  windowReport,
} from "../testing/tiny-fleet.ts";
import { AdaptationReservoir } from "./reservoir.ts";

const LONG = Buffer.alloc(10_000, "parameters ");
const signatureAt = (at: number): readonly number[] => [at, ...new Array<number>(SIGNATURE_LENGTH - 1).fill(0)];

function adaptationAt(at: number, changes: Partial<Adaptation> = {}): Adaptation {
  return {
    ...{ model: "tiny", manifestDigest: MODEL_DIGEST, signature: signatureAt(at), parameters: Buffer.from(`at ${at}`) },
    ...{ judgement: "labels", accuracyBefore: 0.4, accuracyAfter: 0.6, samples: 100 },
    ...changes,
  };
}

function reportOf(device: string, report: string, adaptation: Adaptation): ReportAdaptationRequest {
  return { identity: identityOf(device), report, adaptation };
}

async function started(
  context: TestContext,
  server: MemoryStateServer = freshServer(),
  devices: readonly string[] = ["pi-1", "pi-2", "pi-3", "pi-4"],
): Promise<Coordinator> {
  const coordinator = await startCoordinator(server);
  context.after(() => coordinator.stop());
  for (const device of devices) await coordinator.fleet.hello(helloOf(device), CALL);
  return coordinator;
}

const fetchFor = (coordinator: Coordinator, device: string, at: number, rest: object = {}) => {
  const of = { model: "tiny", manifestDigest: MODEL_DIGEST, signature: signatureAt(at), offset: 0, ...rest };
  return coordinator.adaptations.fetchAdaptation({ identity: identityOf(device), ...of }, CALL);
};
const listOf = ({ adaptations }: Coordinator) =>
  adaptations.listAdaptations({ tenant: "acme", pageSize: 100 }).adaptations;

const RUNG = { stepMs: { expected: 1, lower: 1, upper: 1 } } as unknown as WindowResult["rung"];

describe("what devices have learned of drifts", () => {
  it("is given to devices with a like drift, the nearest of it, from any coordinator", async (context) => {
    const server = freshServer();
    const [one, two] = [await started(context, server), await started(context, server)];
    for (const at of [0, 0.05, 1]) {
      const answer = await one.adaptations.reportAdaptation(reportOf("pi-1", `r${at}`, adaptationAt(at)), CALL);
      assert.deepEqual(answer, { isDuplicate: false, isKept: true });
    }
    const again = await one.adaptations.reportAdaptation(reportOf("pi-1", "r1", adaptationAt(1)), CALL);
    assert.equal(again.isDuplicate, true);
    const { found } = await eventually(async () => {
      const answer = await fetchFor(two, "pi-2", 1.02);
      return answer.found === undefined ? undefined : answer;
    });
    assert.deepEqual([found?.device, Buffer.from(found?.part ?? []).toString()], ["pi-1", "at 1"]);
    const nearer = (await fetchFor(one, "pi-2", 0.04)).found;
    assert.equal(Buffer.from(nearer?.part ?? []).toString(), "at 0.05");
    assert.deepEqual(await fetchFor(one, "pi-2", 0.5), {}, "none is near enough");
  });

  it("comes and goes in parts", async (context) => {
    const coordinator = await started(context);
    const { adaptations } = coordinator;
    const whole = gzipSync(
      FLEET_SERVICE.reportAdaptation.request.toBytes(reportOf("pi-1", "r1", adaptationAt(0, { parameters: LONG }))),
    );
    const digest = createHash("sha256").update(whole).digest("hex");
    const common = { identity: identityOf("pi-1"), digest, totalBytes: whole.length };
    const half = Math.floor(whole.length / 2);
    const first = await adaptations.reportAdaptationPart({ ...common, offset: 0, part: whole.subarray(0, half) }, CALL);
    assert.deepEqual(first, { arrivedBytes: half });
    const last = await adaptations.reportAdaptationPart({ ...common, offset: half, part: whole.subarray(half) }, CALL);
    assert.deepEqual(last.answer, { isDuplicate: false, isKept: true });
    const parts: Uint8Array[] = [];
    for (let offset = 0, adaptation: string | undefined; offset < LONG.length; ) {
      const { found } = await fetchFor(coordinator, "pi-2", 0, { offset, ...(adaptation && { adaptation }) });
      assert.ok(found && found.part.length <= LIMITS.partBytes && found.totalBytes === LONG.length);
      adaptation = found.adaptation;
      parts.push(found.part);
      offset += found.part.length;
    }
    assert.ok(Buffer.concat(parts).equals(LONG));
    await assert.rejects(fetchFor(coordinator, "pi-2", 0, { offset: LONG.length }), { code: "invalid-argument" });
  });

  it("is for devices of the tenant that serve the model, as it was deployed", async (context) => {
    const coordinator = await started(context);
    const { adaptations, fleet } = coordinator;
    await adaptations.reportAdaptation(reportOf("pi-1", "r1", adaptationAt(0)), CALL);
    const other = { manifestDigest: "ef".repeat(32) };
    await assert.rejects(fetchFor(coordinator, "pi-2", 0, other), { code: "not-found" });
    await assert.rejects(fetchFor(coordinator, "ghost", 0), { code: "not-found" });
    const foreign = { tenant: "other", device: "pi-2" };
    await fleet.hello({ ...helloOf("pi-2"), identity: foreign }, CALL);
    assert.deepEqual(await fetchFor(coordinator, "pi-2", 0, { identity: foreign }), {});
    const { adaptation } = (await fetchFor(coordinator, "pi-2", 0)).found ?? assert.fail();
    await assert.rejects(fetchFor(coordinator, "pi-2", 0, { identity: foreign, adaptation }), { code: "not-found" });
    const named = adaptations.fetchAdaptation(
      {
        ...{ identity: identityOf("pi-2"), model: "tiny", manifestDigest: MODEL_DIGEST },
        signature: signatureAt(0),
        offset: 0,
      },
      { ...CALL, deviceId: "acme.pi-1" },
    );
    await assert.rejects(named, { code: "unauthenticated" });
    await assert.rejects(adaptations.reportAdaptation(reportOf("pi-1", "r2", adaptationAt(0, other)), CALL), {
      code: "not-found",
    });
  });

  it("is not kept where it brought nothing", async (context) => {
    const coordinator = await started(context);
    const worse = adaptationAt(0, { accuracyAfter: 0.4 });
    const answer = await coordinator.adaptations.reportAdaptation(reportOf("pi-1", "r1", worse), CALL);
    assert.deepEqual([answer, listOf(coordinator)], [{ isDuplicate: false, isKept: false }, []]);
  });

  it("is offered no more once two other devices have refused it, and an event says so", async (context) => {
    const coordinator = await started(context);
    const { adaptations, admin } = coordinator;
    await adaptations.reportAdaptation(reportOf("pi-1", "r1", adaptationAt(0)), CALL);
    const [{ adaptation = "" } = {}] = listOf(coordinator);
    let sequence = 0;
    const tries = async (device: string, isTaken: boolean, outcome: WindowResult["outcome"]) => {
      const report = windowReport(device, ++sequence, RUNG);
      assert.ok(report.status.kind === "window");
      const window = { ...report.status.window, outcome, start: { adaptation, device: "pi-1", isTaken } };
      await adaptations.windowEnded(identityOf(device), window, CALL);
    };
    const counts = async () => {
      const { helped, refused, isOffered } = listOf(coordinator)[0] ?? assert.fail();
      return [helped, refused, isOffered];
    };
    await tries("pi-1", false, "kept-old");
    await tries("pi-2", false, "cancelled");
    await tries("pi-2", false, "replaced");
    await tries("pi-2", false, "replaced");
    await eventually(async () => (String(await counts()) === "0,1,true" ? true : undefined));
    assert.ok((await fetchFor(coordinator, "pi-4", 0)).found, "one device alone does not speak for all");
    await tries("pi-3", true, "kept-old");
    await eventually(async () => (String(await counts()) === "0,2,false" ? true : undefined));
    assert.deepEqual(await fetchFor(coordinator, "pi-4", 0), {});
    await tries("pi-3", true, "replaced");
    await tries("pi-4", true, "replaced");
    await eventually(async () => (String(await counts()) === "2,1,true" ? true : undefined));
    const { events } = await admin.listEvents({ tenant: "acme", pageSize: 100, beforeSequence: 0 }, CALL);
    const kinds = events.map(({ kind }) => kind).filter((kind) => kind.startsWith("adaptation"));
    assert.deepEqual(new Set(kinds), new Set(["adaptation-stored", "adaptation-withdrawn"]));
  });

  it("goes with its device", async () => {
    const out = new Set<string>();
    const clock = new VirtualClock();
    const store = freshServer().connect();
    const context = { store, clock, random: Math.random, logger: silentLogger };
    const reservoir = new AdaptationReservoir(context, ({ device }) => !out.has(device));
    for (const [at, device] of ["pi-1", "pi-2"].entries()) {
      await reservoir.store(reportOf(device, "r1", adaptationAt(at)), CALL);
    }
    const of = { tenant: "acme", model: "tiny", manifestDigest: MODEL_DIGEST };
    assert.equal(reservoir.nearest(of, signatureAt(0))?.device, "pi-1");
    out.add("pi-1");
    assert.equal(reservoir.nearest(of, signatureAt(0)), undefined, "at once");
    assert.equal(reservoir.list("acme").length, 1);
    await reservoir.store(reportOf("pi-3", "r1", adaptationAt(2)), CALL);
    out.clear();
    assert.deepEqual(
      reservoir
        .list("acme")
        .map(({ device }) => device)
        .toSorted(),
      ["pi-2", "pi-3"],
    );
    assert.equal((await store.keys(BUCKETS.adaptation, CALL)).length, 2, "and from the store with the next");
  });

  it("goes when a person removes it", async (context) => {
    const coordinator = await started(context);
    const { adaptations } = coordinator;
    await adaptations.reportAdaptation(reportOf("pi-1", "r1", adaptationAt(0)), CALL);
    const [{ adaptation } = assert.fail()] = listOf(coordinator);
    assert.deepEqual(await adaptations.removeAdaptation({ tenant: "acme", adaptation }, CALL), { device: "pi-1" });
    assert.deepEqual(await fetchFor(coordinator, "pi-3", 0), {});
    await assert.rejects(adaptations.removeAdaptation({ tenant: "acme", adaptation }, CALL), { code: "not-found" });
  });
});
