import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseRung, MpoError, runWindow } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { silentLogger } from "@mpo/runtime";
import fc from "fast-check";
import { documentOf, ladder, START_MS } from "../test-support/documents.ts";
import { DEFAULT_BUDGET_POLICY, workBudget } from "./budget-policy.ts";
import { LimitsWatch } from "./limits-watch.ts";
import {
  documentExcess,
  excludedBy,
  NO_LIMITS,
  type OwnerLimits,
  openMs,
  parseLimits,
  rungExcess,
} from "./owner-limits.ts";

const parse = (limits: unknown): OwnerLimits => parseLimits(JSON.stringify(limits), "limits.json");
const WORKER = { model: "resnet", methods: ["tent"], idleBytes: 100 };

describe("a file of limits", () => {
  it("is written as people write", () => {
    const { words, ...limits } = parse({
      memory: "1.5 GB",
      window: "10 min",
      hours: ["22:00-06:00", "12:00-13:30"],
      models: ["faces", "cars"],
      methods: ["tent"],
    });
    assert.deepEqual(limits, {
      memoryBytes: 1.5e9,
      windowMs: 600_000,
      hours: [
        [1320, 360],
        [720, 810],
      ],
      models: ["faces", "cars"],
      methods: ["tent"],
    });
    assert.equal(words, "memory 1.5 GB, window 10 min, hours 22:00-06:00 12:00-13:30, models faces cars, methods tent");
    assert.deepEqual(parse({}), NO_LIMITS);
  });

  it("is refused with all that is wrong with it, by file and key", () => {
    const broken = {
      memory: 1.5,
      window: "10 parsecs",
      hours: ["22:00-06:00", "25:00-26:00", "06:00-06:00"],
      models: [],
      methods: ["tents"],
      memroy: "1 GB",
      colour: "red",
    };
    assert.throws(
      () => parse(broken),
      (thrown) => {
        assert.ok(thrown instanceof MpoError);
        assert.equal(thrown.code, "invalid-argument");
        assert.deepEqual(
          thrown.message.split("; ").filter((part) => !part.startsWith("expected")),
          [
            'limits.json: "memroy" is no limit',
            '"colour" is no limit',
            "memory is 1.5",
            'window is "10 parsecs"',
            'hours[1] is "25:00-26:00"',
            'hours[2] is "06:00-06:00"',
            "models is a list of 0",
            'methods[0] is "tents"',
          ],
        );
        assert.match(thrown.message, /"memroy" is no limit; expected memory;/u);
        assert.match(thrown.message, /"colour" is no limit; expected one of memory, window, hours, models, methods;/u);
        return true;
      },
    );
    for (const content of ["", "[]", "null", "3", '{"memory":', "\u0000"]) {
      assert.throws(() => parseLimits(content, "/etc/limits.json"), {
        code: "invalid-argument",
        message: /^\/etc\/limits/u,
      });
    }
    for (const memory of ["0 GB", "1.5", "-1 GB", "1e9 B"])
      assert.throws(() => parse({ memory }), /^MpoError: .*memory is/u);
  });
});

describe("the hours", () => {
  const at = (hour: number, minute: number): number => new Date(2026, 5, 10, hour, minute).getTime();
  const minutes = (limits: OwnerLimits, hour: number, minute: number): number =>
    openMs(limits, at(hour, minute)) / 60_000;

  it("are the device's local ones, also over midnight", () => {
    const night = parse({ hours: ["22:00-06:00", "12:00-13:30"] });
    const cases = [
      [21, 59, 0],
      [22, 0, 480],
      [23, 30, 390],
      [5, 59, 1],
      [6, 0, 0],
      [12, 0, 90],
      [13, 30, 0],
    ] as const;
    for (const [hour, minute, left] of cases) assert.equal(minutes(night, hour, minute), left, `${hour}:${minute}`);
    assert.equal(minutes(parse({ hours: ["20:00-24:00"] }), 23, 0), 60);
    assert.equal(minutes(NO_LIMITS, 3, 0), Number.POSITIVE_INFINITY);
  });
});

describe("a document and the owner's limits", () => {
  const GIB = 2 ** 30;
  const document = documentOf(1, { rungs: ladder(GIB, 2 * GIB, 3 * GIB) });
  const excess = (limits: object): string | undefined => documentExcess(parse(limits), document, WORKER);

  it("fits when one of its rungs does", () => {
    assert.equal(excess({ memory: "1.1 GiB", window: "5s", models: ["resnet"], methods: ["tent", "shot"] }), undefined);
    assert.equal(documentExcess(NO_LIMITS, document, WORKER), undefined);
  });

  it("does not when none does, and it is said which limit, with both values", () => {
    const end = " (the rung that takes least memory)";
    assert.equal(excess({ memory: "1 GiB" }), `memory: 1.01 GiB; the owner allows 1.00 GiB${end}`);
    assert.equal(excess({ window: "4999 ms" }), `window: 5 s; the owner allows 4 s${end}`);
    assert.equal(excess({ models: ["faces"] }), "models: resnet; the owner allows faces");
    assert.equal(excess({ methods: ["shot"] }), "methods: tent; the owner allows shot");
  });
});

describe("whatever the ladder and the limits", () => {
  const amount = fc.integer({ min: 1, max: 1_000 });
  const rungs = fc
    .array(fc.record({ bytes: amount, trainingMs: fc.integer({ min: 0, max: 20_000 }) }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((drawn) => {
      const sorted = drawn.map(({ bytes }) => bytes).sort((left, right) => left - right);
      return ladder(...sorted).map((rung, index) => ({ ...rung, trainingMs: drawn[index]!.trainingMs }));
    });
  const limits = fc.record(
    { memoryBytes: amount, windowMs: fc.integer({ min: 1, max: 20_000 }), words: fc.constant("") },
    { requiredKeys: ["words"] },
  );
  const policy = { ...DEFAULT_BUDGET_POLICY, reserveBytes: 0, reserveShare: 0, workerIdleBytes: 100 };

  it("no rung beyond the owner's limits is chosen or run, and no job may take more", async () => {
    let runs = 0;
    const situation = fc.tuple(rungs, limits, amount, fc.nat(5), fc.option(fc.nat(5), { nil: undefined }));
    await fc.assert(
      fc.asyncProperty(situation, async ([ladderOf, owner, availableBytes, chosen, current]) => {
        const chosenRung = Math.min(chosen, ladderOf.length - 1);
        const resources = {
          ...{ measuredAtMs: 0, memoryAvailableBytes: availableBytes, diskFreeBytes: 1e9, loadAverage: 0 },
          isThrottled: false,
        };
        const facts = {
          totalBytes: 1_000,
          ...(owner.memoryBytes === undefined ? {} : { limitBytes: owner.memoryBytes }),
        };
        const { memoryBytes } = workBudget(policy, resources, facts);
        assert.ok(memoryBytes <= Math.max(0, (owner.memoryBytes ?? Number.POSITIVE_INFINITY) - 100));
        const isAllowed = (rung: (typeof ladderOf)[number]): boolean => rungExcess(owner, rung, 100) === undefined;
        const isBeyond = ({ memoryBytes: { upper }, overheadMs, trainingMs }: (typeof ladderOf)[number]): boolean =>
          upper + 100 > (owner.memoryBytes ?? 1e9) || overheadMs + trainingMs > (owner.windowMs ?? 1e9);
        // With all the memory in the world, too.
        for (const free of [memoryBytes, 1e9]) {
          const index = chooseRung({
            rungs: ladderOf,
            chosenRung,
            memoryBytes: free,
            infeasible: {},
            isAllowed,
            current,
          });
          assert.ok(index === undefined || !isBeyond(ladderOf[index]!));
        }
        const { tries } = await runWindow(
          { rungs: ladderOf, chosenRung, windowMs: 60_000, isAllowed },
          {
            clock: new VirtualClock(START_MS),
            freeBytes: () => memoryBytes,
            train: async (rung, job) => {
              runs += 1;
              assert.ok(!isBeyond(rung));
              assert.ok(job.memoryBytes + 100 <= (owner.memoryBytes ?? 1e9));
              throw new MpoError("over-memory-cap", "on to the next one");
            },
          },
          new AbortController().signal,
        );
        assert.ok(tries.every(({ rung }) => !isBeyond(rung)));
        const excess = documentExcess(owner, documentOf(1, { rungs: ladderOf, chosenRung }), WORKER);
        assert.equal(
          excess === undefined,
          ladderOf.slice(0, chosenRung + 1).some((rung) => !isBeyond(rung)),
        );
      }),
      { numRuns: 500 },
    );
    assert.ok(runs > 100, `${runs} rungs ran`);
  });

  it("a model or method that is not named is left alone", () => {
    assert.equal(excludedBy({ words: "" }, WORKER), undefined);
    assert.equal(excludedBy({ words: "", models: ["resnet"], methods: ["tent"] }, WORKER), undefined);
    assert.match(excludedBy({ words: "", models: ["faces"] }, WORKER) ?? "", /^models: /u);
    assert.match(excludedBy({ words: "", methods: ["shot"] }, WORKER) ?? "", /^methods: /u);
    const several = { ...WORKER, methods: ["tent", "shot"] };
    assert.equal(excludedBy({ words: "", methods: ["shot"] }, several), undefined, "one of several is enough");
    const [rung] = ladder(100) as [ReturnType<typeof ladder>[number]];
    assert.equal(rungExcess({ words: "", methods: ["shot"] }, { ...rung, method: "shot" }, 0), undefined);
    assert.equal(
      rungExcess({ words: "", methods: ["shot"] }, { ...rung, method: "tent" }, 0),
      "methods: tent; the owner allows shot",
    );
  });
});

describe("the watch over the limits", () => {
  it("keeps the last ones where the file is broken or gone, and takes the next good ones", async () => {
    let content: string | undefined;
    const file = { path: "/x/limits.json", read: async () => content };
    const watch = await LimitsWatch.open(file, silentLogger);
    const looks = async (found: string | undefined): Promise<readonly unknown[]> => {
      content = found;
      return [await watch.look(), watch.limits.words, watch.problem];
    };
    assert.deepEqual(await looks(undefined), [false, "", undefined]);
    assert.deepEqual(await looks('{"memory":"1 GB"}'), [true, "memory 1 GB", undefined]);
    const [isOther, words, problem] = await looks('{"memory":"1 GBB"}');
    assert.deepEqual([isOther, words], [false, "memory 1 GB"]);
    assert.match(String(problem), /^\/x\/limits.json: memory is "1 GBB"; expected a size/u);
    assert.match(String((await looks(undefined)).at(-1)), /is gone/u);
    assert.deepEqual(await looks('{"memory":"1 GB"}'), [false, "memory 1 GB", undefined]);
    assert.deepEqual(await looks("{}"), [true, "", undefined]);
  });

  it("does not start with a broken one", async () => {
    await assert.rejects(LimitsWatch.open({ path: "limits.json", read: async () => "{" }, silentLogger), {
      code: "invalid-argument",
    });
    assert.equal((await LimitsWatch.open(undefined, silentLogger)).limits, NO_LIMITS);
  });
});
