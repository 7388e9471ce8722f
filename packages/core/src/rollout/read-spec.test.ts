import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasCode } from "../facts/index.ts";
import { parseRolloutSpec, rolloutFaults, rolloutJsonSchema } from "./read-spec.ts";

const LEAST = { name: "less", model: "camera", change: { version: 3 } };
const GATE = { name: "memory", metric: "memory-over-bound", success: "<= 5%" };

/** `waves.0.percent is …`, of each fault. */
const faultsOf = (value: unknown): readonly string[] =>
  rolloutFaults(value).map(({ path, message }) => `${path.join(".")} ${message}`.trim());

describe("parseRolloutSpec", () => {
  it("fills in what is usual", () => {
    assert.deepEqual(parseRolloutSpec(LEAST), {
      ...LEAST,
      exclude: [],
      waves: [],
      lateJoiners: "last-wave",
      control: 0,
      confirm: "checked",
      success: 0.95,
      minimumSample: 20,
      timeouts: { device: 3_600_000, offline: 7 * 86_400_000 },
      retries: 0,
      gates: [],
      onFailure: { action: "roll-back", order: "newest-first" },
    });
  });

  it("reads units as people write them", () => {
    const { change, waves, gates, hours, disruption } = parseRolloutSpec({
      ...LEAST,
      change: { rule: { memory: "1.5 GiB", window: "90s", hours: ["22:00-06:00", "12:00-24:00"] } },
      waves: [{ percent: "12.5%", dwell: "0s" }],
      gates: [{ ...GATE, interval: "0.5h", failure: "> 20 %" }],
      hours: { between: ["00:00-24:00"], zone: "Europe/Berlin" },
      disruption: { by: "site", maxUnavailable: "10%" },
    });
    assert.deepEqual(change.rule, { memory: 1.5 * 2 ** 30, window: 90_000, hours: ["22:00-06:00", "12:00-24:00"] });
    assert.deepEqual(waves, [{ percent: 0.125, approval: "automatic", dwell: 0 }]);
    assert.equal(gates[0]?.interval, 1_800_000);
    assert.deepEqual(gates[0]?.success, { operator: "<=", value: 0.05 });
    assert.deepEqual(gates[0]?.failure, { operator: ">", value: 0.2 });
    assert.deepEqual(hours, { between: ["00:00-24:00"], zone: "Europe/Berlin" });
    assert.deepEqual(disruption, { by: "site", maxUnavailable: { share: 0.1 } });
  });

  it("refuses with all that is wrong", () => {
    assert.throws(
      () => parseRolloutSpec({ name: "a b", model: "m", change: {} }),
      (thrown) =>
        hasCode(thrown, "invalid-argument") &&
        thrown.message.includes("name is") &&
        thrown.message.includes("; change "),
    );
  });
});

describe("rolloutFaults", () => {
  const cases: readonly (readonly [what: string, more: object, faults: readonly string[]])[] = [
    ["a field that is not known", { wavs: [] }, ["wavs is not known; did you mean waves?"]],
    ["no change", { change: {} }, ["change has none of rule, config, version; expected one"]],
    ["two changes", { change: { rule: {}, version: 1 } }, ["change has rule and version; expected one of them"]],
    [
      "a key of a configuration that is not known",
      { change: { config: { ...anyConfig(), microbatch: 8 } } },
      ["change.config.microbatch is not known; did you mean microBatch?"],
    ],
    [
      "a key of checkpoints of another kind",
      { change: { config: { ...anyConfig(), checkpoints: { kind: "none", segments: 4 } } } },
      ["change.config.checkpoints.segments is not known; expected one of kind"],
    ],
    [
      "a wave that may fail whole",
      { waves: [{ count: 1, success: "0%" }] },
      ["waves.0.success is 0%; expected more than 0%"],
    ],
    [
      "a sample of others that do not say theirs",
      { gates: [{ name: "up", webhook: "https://host/", failure: "> 1", minimumSample: 5 }] },
      ["gates.0.minimumSample is 5; expected it with a metric: others do not say what their number stands on"],
    ],
    [
      "a number that nothing reaches",
      { gates: [{ name: "far", metric: "drift", failure: `> 1${"0".repeat(16)}` }] },
      ['gates.0.failure is "> 10000000000000000"; expected a comparison with a number, such as "<= 5%"'],
    ],
    [
      "a window of more than a week",
      { change: { rule: { window: "8d" } } },
      ['change.rule.window is "8d"; expected a duration with its unit, such as "10min", from 1s to 7d'],
    ],
    ["an empty wave", { waves: [{}] }, ["waves.0 says nothing of its devices; expected where, count or percent"]],
    [
      "a wave with two sizes",
      { waves: [{ count: 1, percent: "5%" }] },
      ["waves.0 has count and percent; expected one of them"],
    ],
    [
      "a wave that adds nothing",
      { waves: [{ percent: "50%" }, { count: 3 }, { percent: "33.3%" }] },
      ["waves.2.percent is 33.3%; expected more than 50%: it counts all devices so far"],
    ],
    [
      "more waves than there may be",
      { waves: Array.from({ length: 33 }, () => ({ count: 1 })) },
      ["waves is a list of 33; expected a list of 0 to 32"],
    ],
    ["a rate that grows by what is not said", { rate: { perMinute: 5, factor: 2 } }, [halfRate("rate")]],
    ["the same of giving back", { onFailure: { rate: { perMinute: 5, factor: 2 } } }, [halfRate("onFailure.rate")]],
    [
      "a budget of nothing",
      { disruption: { by: "site" } },
      ["disruption has none of maxUnavailable, minAvailable; expected one"],
    ],
    [
      "a budget above everything",
      { disruption: { maxUnavailable: "101%" } },
      ['disruption.maxUnavailable is "101%"; expected a whole number of devices, or a share of them, such as "10%"'],
    ],
    [
      "a budget of half a device",
      { disruption: { minAvailable: 1.5 } },
      ['disruption.minAvailable is 1.5; expected a whole number of devices, or a share of them, such as "10%"'],
    ],
    [
      "a gate without a source",
      { gates: [{ name: "g", success: "< 1" }] },
      ["gates.0 has none of metric, prometheus, webhook; expected one"],
    ],
    [
      "a gate that judges nothing",
      { gates: [{ name: "g", metric: "drift" }] },
      ["gates.0 says nothing of what is good; expected success, failure or both"],
    ],
    [
      "more successes than measurements",
      { gates: [{ ...GATE, count: 2, consecutiveSuccesses: 3 }] },
      ["gates.0.consecutiveSuccesses is 3; expected at most the count, 2"],
    ],
    [
      "a gate's name twice",
      { gates: [GATE, GATE] },
      ["gates.1.name is memory, as of another gate; expected another name"],
    ],
    [
      "a comparison that is none",
      { gates: [{ ...GATE, success: "5%" }] },
      ['gates.0.success is "5%"; expected a comparison with a number, such as "<= 5%"'],
    ],
    [
      "a comparison with no control group",
      { gates: [{ ...GATE, metric: "gain-over-control" }] },
      ["gates.0.metric is gain-over-control; expected a control group as well"],
    ],
    ["yes for true", { gates: [{ ...GATE, dryRun: "yes" }] }, ['gates.0.dryRun is "yes"; expected true or false']],
    [
      "an address of another kind",
      { hooks: { atEnd: "ftp://host" } },
      [
        'hooks.atEnd is not an address that can be asked; expected an address such as "https://host/path", up to 512 characters',
      ],
    ],
    ["a large control group", { control: "51%" }, ["control is 51%; expected at most 50%"]],
    ["success of nothing", { success: "0%" }, ["success is 0%; expected more than 0%"]],
    [
      "hours that are none",
      { hours: { between: ["22-6"] } },
      ['hours.between.0 is "22-6"; expected hours of the day, such as "22:00-06:00"'],
    ],
  ];
  for (const [what, more, faults] of cases) {
    it(`names ${what}`, () => assert.deepEqual(faultsOf({ ...LEAST, ...more }), faults));
  }

  it("says where a filter is not understood, and takes one on several lines", () => {
    assert.deepEqual(faultsOf({ ...LEAST, where: "class = pi\n  and memory > 1GiB\n" }), []);
    assert.deepEqual(faultsOf({ ...LEAST, waves: [{ where: "memry > 1GiB" }] }), [
      "waves.0.where is not understood: memry is not an attribute; did you mean memory?\n  memry > 1GiB\n  ^^^^^",
    ]);
  });

  it("says which time zone was meant", () => {
    assert.deepEqual(faultsOf({ ...LEAST, hours: { between: ["22:00-06:00"], zone: "Europe/Berln" } }), [
      "hours.zone is not a time zone that is known; did you mean Europe/Berlin?",
    ]);
  });

  it("does not show a password in an address", () => {
    for (const address of ["https://me:secret@host/", "htps://me:secret@host/"]) {
      const [fault = ""] = faultsOf({ ...LEAST, hooks: { atEnd: address } });
      assert.match(fault, /^hooks\.atEnd (?!.*secret)/u);
    }
  });

  it("says what contradicts itself beside what is wrong elsewhere", () => {
    assert.equal(faultsOf({ ...LEAST, name: "a b", waves: [{ percent: "50%" }, { percent: "10%" }] }).length, 2);
  });

  it("bounds how long a file is", () => {
    const gate = { ...GATE, metric: undefined, prometheus: { address: "http://host", query: "x".repeat(2_000) } };
    const gates = Array.from({ length: 9 }, (_, index) => ({ ...gate, name: `gate-${index}` }));
    assert.match(faultsOf({ ...LEAST, gates }).join(), /^has \d+ characters as JSON; expected up to 16384$/u);
  });

  it("takes whatever is no object for what it is", () => {
    for (const value of [undefined, null, 3, "text", []]) assert.equal(faultsOf(value).length, 1, String(value));
  });
});

function anyConfig(): object {
  return {
    microBatch: 8,
    accumulation: 32,
    freezing: { featureExtraction: 0.5, normalisation: 0, linear: 0 },
    checkpoints: { kind: "uniform", segments: 4 },
  };
}

function halfRate(path: string): string {
  return `${path} has factor alone; expected factor and every, or neither`;
}

describe("rolloutJsonSchema", () => {
  it("has words for every field, and defaults as people write them", () => {
    const wordless: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      const {
        properties = {},
        items,
        description,
      } = schema as {
        readonly properties?: Readonly<Record<string, unknown>>;
        readonly items?: unknown;
        readonly description?: string;
      };
      if (path !== "" && !path.endsWith("[]") && description === undefined) wordless.push(path);
      for (const [key, value] of Object.entries(properties)) visit(value, `${path}.${key}`);
      if (items !== undefined) visit(items, `${path}[]`);
    };
    visit(rolloutJsonSchema(), "");
    assert.deepEqual(wordless, []);
    const { timeouts } = rolloutJsonSchema()["properties"] as Readonly<Record<string, { readonly properties: object }>>;
    assert.deepEqual(
      Object.entries(timeouts?.properties ?? {}).map(([key, { default: standard }]) => [key, standard]),
      [
        ["device", "1h"],
        ["wave", undefined],
        ["offline", "7d"],
      ],
    );
  });
});
