import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { systemClock } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import { chunksInStore } from "../artifacts/chunk-store.ts";
import { PublishedModels } from "../artifacts/published-models.ts";
import { DocumentService } from "../documents/document-service.ts";
import { PriorService } from "../priors/prior-service.ts";
import { ProfileService } from "../profiles/profile-service.ts";
import { Registry } from "../registry/registry.ts";
import { StatusService } from "../registry/status-service.ts";
import { CALL, documentReport, freshServer, helloOf, identityOf, reportOf } from "../testing/tiny-fleet.ts";
import { DEFAULT_BUDGET_POLICY } from "./device-budget.ts";
import { PlanningHere } from "./planning.ts";
import { SearchService } from "./search-service.ts";
import type { DocumentWish } from "./wishes.ts";

const IDENTITY = identityOf("pi-1");
const NAME = { identity: IDENTITY, model: "tiny" };

/** The searches of a device with a profile; `ask` makes a document of a wish. */
async function searching(context: TestContext) {
  const store = freshServer().connect();
  context.after(() => store.close());
  const parts = { store, clock: systemClock, random: Math.random, logger: silentLogger };
  const registry = new Registry(parts, { heartbeatSeconds: 30 });
  const profiles = new ProfileService(parts);
  const priors = new PriorService(parts, profiles, { quorum: 3 });
  const documents = new DocumentService(parts, { validMs: 86_400_000 });
  const statuses = new StatusService(parts);
  const models = new PublishedModels(parts, chunksInStore(parts), profiles);
  const searches = new SearchService({
    ...{ registry, profiles, priors, documents, statuses, models, budget: DEFAULT_BUDGET_POLICY },
    planning: new PlanningHere(systemClock),
  });
  await registry.introduce(helloOf("pi-1"), CALL);
  await profiles.store(reportOf("pi-1", "r1"), CALL);
  let asked = 0;
  const ask = async (wish: Partial<DocumentWish>) =>
    (await searches.answer({ name: NAME, request: `request ${++asked}`, ...wish }, CALL)).document;
  return { registry, profiles, statuses, searches, ask };
}

describe("a search", () => {
  it("keeps what a rollout asked of the device, until another says otherwise", async (context) => {
    const { ask } = await searching(context);
    const asked = { reserveBytes: 5_000_000, hours: ["22:00-06:00"], method: "crossEntropy" } as const;
    const first = await ask({ ...asked, check: true });
    assert.deepEqual({ ...first, ...asked, check: true }, first);
    const next = await ask({ isAutomatic: true });
    assert.deepEqual({ ...next, ...asked }, next);
    assert.equal(next.check, undefined, "a check is of one document");
    assert.equal(next.version.version, 2);
    const { reserveBytes, hours } = await ask({ reserveBytes: 0, hours: [] });
    assert.deepEqual([reserveBytes, hours], [undefined, undefined]);
    await assert.rejects(ask({ method: "tent" }), { code: "precondition-failed" });
    await assert.rejects(ask({ reserveBytes: 2 ** 50 }), { code: "over-budget", message: /are to stay free$/u });
  });

  it("tried on a stored profile finds what a document would say, and changes nothing", async (context) => {
    const { ask, registry, searches } = await searching(context);
    const budget = { memoryBytes: 10_000_000, windowMs: 60_000 };
    const device = await registry.required(IDENTITY, CALL);
    const tried = await searches.tryBudget(device, { model: "tiny", budget }, undefined, CALL);
    const document = await ask({ budget });
    assert.equal(document.version.version, 1, "there was none before");
    assert.deepEqual(tried.rungs, document.rungs);
    const { considered, overBudget } = tried.explanation;
    const cut = tried.cuts.reduce((sum, { configs }) => sum + configs, 0);
    assert.ok(overBudget > 0 && cut < considered && tried.tried.length > 0);
    const [best] = tried.rungs.slice(-1);
    const ofChosen = tried.microBatches.find(({ microBatch }) => microBatch === best?.config.microBatch);
    assert.equal(ofChosen?.accuracy, best?.accuracy.expected);
    assert.equal(ofChosen?.because, undefined);
    assert.equal(
      tried.microBatches.reduce((sum, { configs }) => sum + configs, 0),
      considered,
    );
    for (const { fitting, because, memoryBytes } of tried.microBatches)
      assert.ok(fitting > 0 ? memoryBytes <= budget.memoryBytes : because !== undefined);
    const peak = (moments: typeof tried.chosenMemory): number => Math.max(...moments.map(({ bytes }) => bytes));
    assert.ok(peak(tried.chosenMemory) <= budget.memoryBytes && peak(tried.chosenMemory) < peak(tried.plainMemory));
    const nothing = { model: "tiny", budget: { ...budget, memoryBytes: 1_000 } };
    await assert.rejects(searches.tryBudget(device, nothing, undefined, CALL), { code: "over-budget" });
    await assert.rejects(searches.tryBudget(device, { model: "other" }, undefined, CALL), {
      code: "precondition-failed",
    });
  });

  it("that nobody asked for leaves a given configuration as it is, for the model that it is of", async (context) => {
    const { ask, registry } = await searching(context);
    const [rung] = (await ask({})).rungs;
    const fixed = await ask({ config: rung?.config });
    assert.deepEqual([fixed.isFixed, fixed.rungs.length], [true, 1]);
    assert.deepEqual(await ask({ isAutomatic: true }), fixed);
    const models = [{ name: "tiny", manifestDigest: "ef".repeat(32) }];
    await registry.introduce(helloOf("pi-1", { models }), CALL);
    assert.equal((await ask({ isAutomatic: true })).isFixed, undefined, "it serves another model by now");
    await ask({ config: rung?.config });
    assert.equal((await ask({})).isFixed, undefined, "a person wants a search");
  });

  it("that nobody asked for passes on the check that a rollout waits for", async (context) => {
    const { ask, statuses } = await searching(context);
    await ask({ check: true, request: "rollout small/1#p" });
    assert.equal((await ask({ isAutomatic: true, request: "report r2" })).check, true);
    const next = await ask({ isAutomatic: true, request: "report r3" });
    assert.equal(next.check, true);
    await statuses.store(documentReport("pi-1", 1, next.version.version, "confirmed"), CALL);
    assert.equal((await ask({ isAutomatic: true, request: "report r4" })).check, undefined);
  });

  it("tried on a stored profile finds what a document would say, and changes nothing", async (context) => {
    const { ask, registry, searches } = await searching(context);
    const budget = { memoryBytes: 10_000_000, windowMs: 60_000 };
    const device = await registry.required(IDENTITY, CALL);
    const tried = await searches.tryBudget(device, { model: "tiny", budget }, undefined, CALL);
    const document = await ask({ budget });
    assert.equal(document.version.version, 1, "there was none before");
    assert.deepEqual(tried.rungs, document.rungs);
    const { considered, overBudget } = tried.explanation;
    const cut = tried.cuts.reduce((sum, { configs }) => sum + configs, 0);
    assert.ok(overBudget > 0 && cut < considered && tried.tried.length > 0);
    const peak = (moments: typeof tried.chosenMemory): number => Math.max(...moments.map(({ bytes }) => bytes));
    assert.ok(peak(tried.chosenMemory) <= budget.memoryBytes && peak(tried.chosenMemory) < peak(tried.plainMemory));
    const nothing = { model: "tiny", budget: { ...budget, memoryBytes: 1_000 } };
    await assert.rejects(searches.tryBudget(device, nothing, undefined, CALL), { code: "over-budget" });
    await assert.rejects(searches.tryBudget(device, { model: "other" }, undefined, CALL), {
      code: "precondition-failed",
    });
  });

  it("that nobody asked for leaves a document for a method that the new profile says nothing of", async (context) => {
    const { ask, profiles } = await searching(context);
    const asked = await ask({ method: "crossEntropy" });
    const report = reportOf("pi-1", "r2");
    const method = { ...report.profile.method, loss: "shot" };
    await profiles.store({ ...report, profile: { ...report.profile, method } }, CALL);
    assert.deepEqual(await ask({ isAutomatic: true }), asked);
    assert.equal((await ask({})).method, undefined);
  });
});
