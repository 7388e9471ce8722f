import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { MethodName, Profile } from "@mpo/core";
import type { ADMIN_SERVICE, RequestOf } from "@mpo/protocol";
import type { Coordinator } from "../coordinator.ts";
import { poolProfiles } from "../priors/pool-profiles.ts";
import { tinyProfile } from "../testing/tiny-chain.ts";
import {
  CALL,
  eventually,
  freshServer,
  helloOf,
  identityOf,
  reportOf,
  startCoordinator,
} from "../testing/tiny-fleet.ts";

const IDENTITY = identityOf("pi-1");

/** Beside the profile's own method, SHOT has raced, and gains less; ETA trains nothing of this model. */
function raced(profile: Profile): Profile {
  const [best, least] = profile.accuracy as [Profile["accuracy"][number], Profile["accuracy"][number]];
  const shot = { ...best, points: best.points.map(({ steps }) => ({ steps, accuracy: 0.7 })) };
  const of = (loss: string, accuracy: Profile["accuracy"]) => ({
    ...{ method: { loss, optimizer: "adam" }, memoryFacts: profile.memoryFacts, accuracy },
  });
  return { ...profile, accuracy: [best, least], others: [of("shot", [shot]), of("eta", [])] };
}

async function reported(context: TestContext, methods?: readonly MethodName[]): Promise<Coordinator> {
  const coordinator = await startCoordinator(freshServer(), {});
  context.after(() => coordinator.stop());
  await coordinator.fleet.hello(helloOf("pi-1", methods === undefined ? {} : { methods }), CALL);
  const report = reportOf("pi-1", "r1");
  await coordinator.fleet.reportProfile({ ...report, profile: raced(report.profile) }, CALL);
  return coordinator;
}

async function explained({ admin }: Coordinator) {
  const { document, explanation } = await eventually(() =>
    admin.explainConfig({ identity: IDENTITY }, CALL).catch(() => undefined),
  );
  return { ...document, brought: explanation.methods, explanation };
}

const methodsIn = (rungs: readonly { readonly method?: string | undefined }[]): readonly (string | undefined)[] => [
  ...new Set(rungs.map(({ method }) => method)),
];

describe("a profile of several methods", () => {
  it("is searched over all that the device says it may run, and that change its model", async (context) => {
    const coordinator = await reported(context, ["crossEntropy", "shot", "eta"]);
    const { rungs, method, brought = [], reasons, budget } = await explained(coordinator);
    assert.equal(method, undefined, "the rungs say it");
    assert.equal(rungs.at(-1)?.method, "crossEntropy");
    assert.deepEqual(methodsIn(brought), ["crossEntropy", "shot"]);
    assert.deepEqual(brought[0], rungs.at(-1));
    assert.match(
      reasons.find(({ code }) => code === "methods")?.text ?? "",
      /^accuracy by each alone: crossEntropy \d+\.\d %, shot \d+\.\d %$/u,
    );
    assert.match(reasons.find(({ code }) => code === "best")?.text ?? "", /^crossEntropy, /u);
    const tried = await coordinator.admin.tryBudget({ identity: IDENTITY, model: "tiny", budget }, CALL);
    assert.deepEqual([tried.rungs, tried.explanation.methods], [rungs, brought]);
    const looked = tried.microBatches.reduce((sum, { configs }) => sum + configs, 0);
    assert.equal(looked, tried.explanation.considered, "configurations of all methods count");
  });

  it("is that of its own method to a device of an earlier release", async (context) => {
    const coordinator = await reported(context);
    const { rungs, brought } = await explained(coordinator);
    assert.deepEqual([methodsIn(rungs), brought], [["crossEntropy"], undefined]);
  });

  it("is not searched for a device that runs none of them, until it has measured again", async (context) => {
    const coordinator = await reported(context, ["shot"]);
    assert.deepEqual(methodsIn((await explained(coordinator)).rungs), ["shot"]);
    await coordinator.fleet.hello(helloOf("pi-1", { methods: ["tent"] }), CALL);
    const push = { identity: IDENTITY, model: "tiny", reason: "" };
    await assert.rejects(coordinator.admin.pushConfig(push, CALL), {
      code: "precondition-failed",
      message: /is for crossEntropy, shot, eta, and the device adapts by tent/u,
    });
    await coordinator.fleet.hello(helloOf("pi-1"), CALL);
    const { document } = await coordinator.admin.pushConfig(push, CALL);
    assert.deepEqual(methodsIn(document.rungs), ["crossEntropy"], "its agent went back to an earlier release");
  });

  it("is searched for the one that a person names, until any is allowed again", async (context) => {
    const coordinator = await reported(context, ["crossEntropy", "shot"]);
    await explained(coordinator);
    const pushed = async (methods?: RequestOf<typeof ADMIN_SERVICE.pushConfig>["methods"]) => {
      const push = { identity: IDENTITY, model: "tiny", reason: "", methods };
      const { method, rungs } = (await coordinator.admin.pushConfig(push, CALL)).document;
      return [method, methodsIn(rungs)];
    };
    const shot = ["shot", ["shot"]];
    assert.deepEqual([await pushed({ kind: "one", method: "shot" }), await pushed()], [shot, shot]);
    await assert.rejects(pushed({ kind: "one", method: "tent" }), {
      code: "precondition-failed",
      message: /is for crossEntropy, shot, eta, and the document is to be for tent/u,
    });
    const [method, searched] = await pushed({ kind: "any" });
    assert.deepEqual([method, searched?.includes("crossEntropy")], [undefined, true]);
  });

  it("runs a configuration that was given by its own method", async (context) => {
    const coordinator = await reported(context, ["crossEntropy", "shot"]);
    const [rung] = (await explained(coordinator)).rungs;
    const push = { identity: IDENTITY, model: "tiny", reason: "", ...(rung && { config: rung.config }) };
    const { document } = await coordinator.admin.pushConfig(push, CALL);
    assert.deepEqual([document.isFixed, methodsIn(document.rungs)], [true, ["crossEntropy"]]);
  });

  it("is not given to a device whose release would train other layers than those that are named", async (context) => {
    const coordinator = await reported(context);
    const [rung] = (await explained(coordinator)).rungs;
    const { config } = rung ?? assert.fail();
    const named = { ...config, freezing: { ...config.freezing, onlyLayers: ["dense"] } };
    const push = { identity: IDENTITY, model: "tiny", reason: "", config: named };
    await assert.rejects(coordinator.admin.pushConfig(push, CALL), {
      code: "unsupported",
      message: /would train them all/u,
    });
    await coordinator.fleet.hello(helloOf("pi-1", { methods: ["crossEntropy"] }), CALL);
    await assert.rejects(
      coordinator.admin.pushConfig(push, CALL),
      { code: "invalid-argument" },
      "no layer has this name",
    );
  });

  it("is shared with devices that run the same methods, without its curves", async (context) => {
    const coordinator = await reported(context, ["crossEntropy", "shot"]);
    const { fleet } = coordinator;
    const order = async (device: string, methods: readonly string[]) =>
      (await fleet.hello(helloOf(device, { methods }), CALL)).probes[0]?.sharedFrom;
    assert.equal(await order("pi-2", ["shot", "crossEntropy"]), "pi-1");
    assert.equal(await order("pi-3", ["shot"]), undefined);
  });

  it("is pooled by method", () => {
    const profiles = ["a", "b", "c", "d", "e", "f"].map((device) => raced(tinyProfile(device)));
    const [first, ...rest] = profiles as [Profile, ...Profile[]];
    const pooled = poolProfiles([{ ...first, others: undefined }, ...rest], 5);
    assert.equal(pooled?.votes, 6);
    assert.deepEqual(
      pooled.profile.others?.map(({ method, accuracy }) => [method.loss, accuracy.length]),
      [
        ["shot", 1],
        ["eta", 0],
      ],
    );
    assert.equal(poolProfiles([{ ...first, others: undefined }, ...rest], 6)?.profile.others, undefined);
  });
});
