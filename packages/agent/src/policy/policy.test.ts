import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProbeOrder, Resources } from "@mpo/protocol";
import { type BudgetPolicy, emergency, workBudget } from "./budget-policy.ts";
import { dueProbe, isIdle, type ProbeRecords, type ProbeSituation, probeDone, probeFailed } from "./probe-schedule.ts";

const POLICY: BudgetPolicy = {
  reserveBytes: 100,
  reserveShare: 0.1,
  workerIdleBytes: 200,
  maxMemoryPressurePercent: 10,
  maxTemperatureCelsius: 80,
  minDiskFreeBytes: 50,
};
const RESOURCES: Resources = {
  measuredAtMs: 0,
  memoryAvailableBytes: 1_000,
  diskFreeBytes: 1_000,
  loadAverage: 0,
  isThrottled: false,
};

describe("the budget", () => {
  const cases: readonly {
    readonly what: string;
    readonly resources?: Partial<Resources>;
    readonly totalBytes?: number;
    readonly idle?: number;
    readonly memoryBytes: number;
    readonly blockedBy?: readonly string[];
  }[] = [
    { what: "leaves reserve and worker", memoryBytes: 700 },
    { what: "takes the share when it is larger", totalBytes: 4_000, memoryBytes: 400 },
    {
      what: "measures the share of a group's limit",
      totalBytes: 4_000,
      resources: { memoryLimitBytes: 2_000 },
      memoryBytes: 600,
    },
    { what: "knows the worker's true size", idle: 50, memoryBytes: 850 },
    { what: "is none without memory", resources: { memoryAvailableBytes: 250 }, memoryBytes: 0, blockedBy: ["memory"] },
    {
      what: "is none under pressure",
      resources: { memoryPressurePercent: 11 },
      memoryBytes: 0,
      blockedBy: ["memory-pressure"],
    },
    {
      what: "is none when hot, slowed down and full",
      resources: { temperatureCelsius: 81, isThrottled: true, diskFreeBytes: 0 },
      memoryBytes: 0,
      blockedBy: ["heat", "throttled", "disk"],
    },
  ];
  for (const { what, resources = {}, totalBytes = 1_000, idle, memoryBytes, blockedBy = [] } of cases) {
    it(what, () => {
      const facts = { totalBytes, ...(idle === undefined ? {} : { workerIdleBytes: idle }) };
      assert.deepEqual(workBudget(POLICY, { ...RESOURCES, ...resources }, facts), { memoryBytes, blockedBy });
    });
  }

  it("ends work that takes the serving program's memory, not work that makes a little pressure", () => {
    const facts = { totalBytes: 1_000 };
    assert.match(emergency(POLICY, { ...RESOURCES, memoryAvailableBytes: 40 }, facts) ?? "", /only 0 KiB are free/u);
    assert.match(emergency(POLICY, { ...RESOURCES, memoryPressurePercent: 50 }, facts) ?? "", /pressure/u);
    assert.equal(emergency(POLICY, { ...RESOURCES, memoryPressurePercent: 20 }, facts), undefined);
  });
});

describe("probes", () => {
  const models = [
    { name: "a", manifestDigest: "d1" },
    { name: "b", manifestDigest: "d2" },
  ];
  const situation: ProbeSituation = {
    models,
    orders: [],
    records: {},
    engineVersion: "1",
    deviceClass: "board-15w",
    nowMs: 1e12,
    staleAfterMs: 1_000,
    methodsOf: () => ["tent"],
  };
  const order: ProbeOrder = { order: "o1", model: "b", manifestDigest: "d2", configs: [], maxMs: 10, isFresh: false };
  const facts = { engineVersion: "1", deviceClass: "board-15w", workerIdleBytes: 5, nowMs: 1e12 };
  const due = (change: Partial<ProbeSituation>): string | undefined => {
    const found = dueProbe({ ...situation, ...change });
    return found === undefined ? undefined : `${found.model} ${found.why}`;
  };

  it("come in the order of their urgency", () => {
    const first = dueProbe(situation);
    assert.deepEqual(first, { model: "a", manifestDigest: "d1", why: "first" });
    let records: ProbeRecords = probeDone({}, { model: "a", manifestDigest: "d1", why: "first" }, facts);
    assert.equal(due({ records }), "b first");
    records = probeDone(records, { model: "b", manifestDigest: "d2", why: "first" }, facts);
    assert.equal(due({ records }), undefined);
    assert.equal(due({ records, nowMs: 1e12 + 1_001 }), "a stale");
    assert.equal(due({ records, nowMs: 5 }), undefined, "a clock that was set back");
    assert.equal(due({ records, engineVersion: "2" }), "a engine-changed");
    assert.equal(due({ records, deviceClass: "board-maxn" }), "a class-changed");
    assert.equal(due({ records, models: [{ name: "a", manifestDigest: "new" }] }), "a model-changed");
    const methodsOf = (model: string): readonly string[] => (model === "b" ? ["tent", "shot"] : ["tent"]);
    assert.equal(due({ records, methodsOf }), "b methods-changed", "an earlier release knew one only");
    const done = probeDone(
      records,
      { model: "b", manifestDigest: "d2", why: "methods-changed" },
      { ...facts, methods: ["tent", "shot"] },
    );
    assert.equal(due({ records: done, methodsOf }), undefined);
    assert.equal(due({ records: done }), "b methods-changed");
    assert.equal(due({ records, orders: [order] }), "b order");
    assert.equal(due({ records, orders: [{ ...order, manifestDigest: "other" }] }), undefined);
    records = probeDone(records, { model: "b", manifestDigest: "d2", why: "order", order }, facts);
    assert.equal(due({ records, orders: [order] }), undefined, "an order is carried out once");
  });

  it("wait longer after each failure, and give an order up after three", () => {
    const failing = { model: "b", manifestDigest: "d2", why: "order", order } as const;
    let records = probeDone({}, { model: "a", manifestDigest: "d1", why: "first" }, { ...facts, nowMs: 2e12 });
    const waits: number[] = [];
    for (let failure = 0; failure < 3; failure++) {
      records = probeFailed(records, failing, 1e12);
      waits.push((records["b"]?.retryAtMs ?? 0) - 1e12);
      assert.equal(due({ records, orders: [order] }), undefined);
    }
    assert.deepEqual(waits, [60_000, 120_000, 240_000]);
    assert.equal(due({ records, orders: [order], nowMs: 1e12 + 250_000 }), "b first");
    assert.equal(due({ records, orders: [order], nowMs: 1e11 }), "b first", "a clock that was set far back");
    const models = [{ name: "b", manifestDigest: "d3" }];
    assert.equal(due({ records, models }), "b first", "the model that failed was changed");
  });

  it("need an idle machine", () => {
    const rule = { maxLoadPerCore: 0.5, maxCpuPressurePercent: 20 };
    assert.equal(isIdle({ ...RESOURCES, loadAverage: 1 }, 2, rule), true);
    assert.equal(isIdle({ ...RESOURCES, loadAverage: 1.1 }, 2, rule), false);
    assert.equal(isIdle({ ...RESOURCES, cpuPressurePercent: 21 }, 2, rule), false);
  });
});
