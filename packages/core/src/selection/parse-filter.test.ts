import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CONDITION_CODES, MpoError } from "../facts/index.ts";
import { ATTRIBUTES, type SelectionFacts } from "./attributes.ts";
import { type Filter, termsOf } from "./filter.ts";
import { matches } from "./matches.ts";
import { MAX_FILTER_LENGTH, parseFilter } from "./parse-filter.ts";
import { quoted } from "./tokens.ts";

const GROUPS = new Map([
  ["berlin", "label.site = berlin"],
  ["old", "agent < 0.3.0 and not group = berlin"],
  ["broken", "memry > 1GiB"],
  ["left", "group = right"],
  ["right", "group in (left)"],
]);

const NOTHING_KNOWN = Object.fromEntries(Object.keys(ATTRIBUTES).map((name) => [name, undefined])) as unknown as Omit<
  SelectionFacts,
  "label"
>;

function device(
  facts: Partial<Omit<SelectionFacts, "label">>,
  labels: Readonly<Record<string, string>> = {},
): SelectionFacts {
  return { ...NOTHING_KNOWN, ...facts, label: (name) => labels[name] };
}

const PI = device(
  {
    ...{ name: "pi-7", class: "pi-4", board: "Raspberry Pi 4 Model B", memory: 4 * 2 ** 30, free: 300 * 2 ** 20 },
    ...{ cores: 4, gpu: [], agent: "0.3.0-rc.1", node: "v20.11.1", models: ["camera", "door"], drift: ["camera"] },
    ...{ state: "online", lastSeen: 20_000, enrolled: 9 * 86_400_000, needs: ["throttled"] },
  },
  { site: "berlin", "a-b": "", line: "and" },
);

describe("a filter", () => {
  const chooses: Readonly<Record<string, boolean>> = {
    "name = pi-7": true,
    "name != pi-7": false,
    'NOT name = "pi-8" AND class IN (pi-4, "pi 5")': true,
    "class not in (pi-4, pi-5)": false,
    "board matches 'Raspberry Pi ?*'": true,
    "board not matches *Pi*": false,
    "models matches cam*": true,
    "memory = 4GiB": true,
    "memory > 4gib": false,
    "memory>=1.5 GiB": true,
    "memory in (2GiB, 4 GiB)": true,
    "free < 10%": true,
    "free >= 7.32421875 %": true,
    "disk < 1GB": false,
    "disk != 1GB": true,
    "cores > 3.5": true,
    "lastSeen <= 20s": true,
    "lastSeen > 1 min": false,
    "enrolled < 7d or enrolled > 8d": true,
    "agent < 0.3.0": true,
    "node >= 20 and node < 21": true,
    "engine != 4.22.0": true,
    gpu: false,
    "drift and not gpu and not config": true,
    "models has door and models not has gate": true,
    "needs has throttled": true,
    "state in (online, offline)": true,
    "label.site = berlin": true,
    "label.a-b": false,
    'label.a-b = ""': true,
    'label.line = "and"': true,
    "label.none": false,
    "label.none != x": true,
    "group = berlin": true,
    "group = old": false,
    "group in (berlin, old) and group != old": true,
    // `not` binds before `and`, which binds before `or`.
    "not gpu and cores = 4": true,
    "gpu and gpu or cores = 4": true,
    "cores = 4 or gpu and gpu": true,
    "gpu and (gpu or cores = 4)": false,
    "not (gpu or cores = 4)": false,
    "not not gpu": false,
    "\n name =\tpi-7 \n": true,
  };
  for (const [text, isChosen] of Object.entries(chooses)) {
    it(`${JSON.stringify(text)} is ${isChosen ? "right" : "wrong"} of a device`, () => {
      assert.equal(matches(parseFilter(text, { groups: GROUPS }), PI), isChosen);
    });
  }

  it("of which a group was not looked up chooses nothing by it", () => {
    const filter = parseFilter("group = berlin");
    assert.equal(matches(filter, PI), false);
    assert.deepEqual([...termsOf(filter)], [{ kind: "group", name: "berlin" }]);
    const found = parseFilter("gpu or not group = old", { groups: GROUPS });
    const names = [...termsOf(found)].flatMap((term) => (term.kind === "group" ? term.name : []));
    assert.deepEqual(names, ["old", "berlin"]);
  });

  it("has an example of every attribute, which is one", () => {
    for (const [name, { example }] of Object.entries(ATTRIBUTES)) {
      assert.ok([...termsOf(parseFilter(example))].some((term) => "attribute" in term && term.attribute === name));
    }
  });

  it("of any text is one, or an error that says where it is wrong", () => {
    const parts = fc.constantFrom(
      ...[" ", "(", ")", ",", "=", "!=", "<", ">=", "!", "&&", '"', "'", "\\", "§", "\u0000", "\ud800", "*"],
      ...[
        "and ",
        "or ",
        "not ",
        "in ",
        "has ",
        "matches ",
        "memory ",
        "1GiB ",
        "label.site ",
        "x ",
        "9 ",
        "% ",
        "group ",
      ],
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(parts, { maxLength: 20 }).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(text, (written) => {
        try {
          matches(parseFilter(written, { groups: GROUPS }), PI);
        } catch (thrown) {
          assert.ok(thrown instanceof MpoError && thrown.code === "invalid-argument", String(thrown));
          assert.match(thrown.message, /\n {2}.*\n {2} *\^+/u);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("is the same when it is printed and read again, and answers as its parts do", () => {
    fc.assert(
      fc.property(filters, devices, ({ text, answers }, facts) => {
        const filter = parseFilter(text);
        assert.equal(matches(filter, facts), answers(facts), text);
        assert.deepEqual(parseFilter(printed(filter)), filter);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** A filter as text, and what it says of a device, found in the simplest way. */
interface Case {
  readonly text: string;
  readonly answers: (facts: SelectionFacts) => boolean;
}

const words = fc.constantFrom("a", "b", "a b", 'say "x"', "and", "", "é\\");
const sizes = fc.nat({ max: 3 });
const ORDERED: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
  "=": (left, right) => left === right,
};
const caseOf = (text: string, answers: Case["answers"]): Case => ({ text, answers });
const flat: fc.Arbitrary<Case> = fc.oneof(
  fc
    .tuple(fc.constantFrom("=", "!="), words)
    .map(([is, value]) =>
      caseOf(`label.x ${is} ${quoted(value)}`, (facts) => (facts.label("x") === value) === (is === "=")),
    ),
  fc
    .tuple(fc.constantFrom(...Object.keys(ORDERED)), sizes)
    .map(([is, value]) =>
      caseOf(
        `memory ${is} ${value}KiB`,
        ({ memory }) => memory !== undefined && ORDERED[is]?.(memory, value * 1024) === true,
      ),
    ),
  fc
    .array(words, { minLength: 1, maxLength: 3 })
    .map((values) =>
      caseOf(`name in (${values.map(quoted).join(",")})`, ({ name }) => values.some((value) => value === name)),
    ),
  fc
    .constantFrom(...CONDITION_CODES.slice(0, 2))
    .map((code) => caseOf(`needs has ${code}`, ({ needs }) => needs?.includes(code) === true)),
  fc.constant(caseOf("needs", ({ needs }) => needs?.[0] !== undefined)),
);
const { filter: filters } = fc.letrec<{ filter: Case; flat: Case; not: Case; both: Case }>((tie) => ({
  filter: fc.oneof({ maxDepth: 3, withCrossShrink: true }, tie("flat"), tie("not"), tie("both")),
  flat,
  not: tie("filter").map(({ text, answers }) => caseOf(`not (${text})`, (facts) => !answers(facts))),
  both: fc
    .record({ left: tie("filter"), right: tie("filter"), is: fc.constantFrom("and", "or") })
    .map(({ left, right, is }) =>
      caseOf(`(${left.text}) ${is} (${right.text})`, (facts) =>
        is === "and" ? left.answers(facts) && right.answers(facts) : left.answers(facts) || right.answers(facts),
      ),
    ),
}));
const devices = fc
  .record({
    x: fc.option(words, { nil: undefined }),
    memory: fc.option(
      sizes.map((kib) => kib * 1024),
      { nil: undefined },
    ),
    name: words,
    needs: fc.subarray(CONDITION_CODES.slice(0, 3)),
  })
  .map(({ x, ...facts }) => device(facts, x === undefined ? {} : { x }));

function printed(filter: Filter): string {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.parts.map((part) => `(${printed(part)})`).join(` ${filter.kind} `);
    case "not":
      return `not (${printed(filter.part)})`;
    case "known":
      return filter.attribute;
    case "compare":
      return `${filter.attribute} ${filter.order} ${typeof filter.value === "number" ? `${filter.value}B` : quoted(filter.value)}`;
    case "has":
      return `${filter.attribute} has ${quoted(filter.value)}`;
    case "matches":
      return `${filter.attribute} matches ${quoted(filter.glob)}`;
    case "group":
      return `group = ${filter.name}`;
  }
}

describe("what is wrong with a filter is said", () => {
  const of = (text: string, ...lines: readonly string[]): readonly [string, string] => [text, lines.join("\n")];
  const table: readonly (readonly [text: string, message: string])[] = [
    of("", "the filter is empty", "  ", "  ^"),
    of("memry > 1GiB", "memry is not an attribute; did you mean memory?", "  memry > 1GiB", "  ^^^^^"),
    of(
      "memory < 10min",
      "10min is a duration, and memory is a size, such as 1.5GiB",
      "  memory < 10min",
      "           ^^^^^",
    ),
    of(
      "memry > 1GiB and lastSeen < 5MiB",
      "2 mistakes in the filter",
      "  memry > 1GiB and lastSeen < 5MiB",
      "  ^^^^^ memry is not an attribute; did you mean memory?",
      "  memry > 1GiB and lastSeen < 5MiB",
      "                              ^^^^ 5MiB is a size, and lastSeen is a duration, such as 10min",
    ),
    of(
      "memry > 2 GiB and class = 'a",
      "2 mistakes in the filter",
      "  memry > 2 GiB and class = 'a",
      "  ^^^^^ memry is not an attribute; did you mean memory?",
      "  memry > 2 GiB and class = 'a",
      "                            ^ this quote has no end",
    ),
    of(
      "class == a && state = onlin",
      "3 mistakes in the filter",
      "  class == a && state = onlin",
      "        ^^ == is not known here; write =",
      "  class == a && state = onlin",
      "             ^^ && is not known here; write and",
      "  class == a && state = onlin",
      "                        ^^^^^ state is never onlin; did you mean online?",
    ),
  ];
  for (const [text, message] of table) {
    it(JSON.stringify(text), () => {
      assert.throws(() => parseFilter(text, { groups: GROUPS }), { code: "invalid-argument", message });
    });
  }

  /** The words of the first line, and the part of the text that is marked. */
  const marked: Readonly<Record<string, readonly [marked: string, words: string]>> = {
    "memory > 3": ["3", "3 has no unit; expected one of B, KiB, MiB, GiB, KB, MB, GB"],
    "lastSeen > 3 weeks": ["3 weeks", "weeks is not a unit of durations; expected one of ms, s, min, h, d"],
    "memory > 3MiBs": ["3MiBs", "MiBs is not a unit of sizes; did you mean MiB?"],
    "memory < 10%": ["10%", "10% is a percentage, and memory is a size, such as 1.5GiB"],
    "cores > 4GiB": ["4GiB", "4GiB is a size, and cores is a number, such as 4"],
    "agent > new": ["new", "new is not a version: agent is a version, such as 0.3.0"],
    "ram > 1GiB": ["ram", "ram is not an attribute; did you mean memory?"],
    "label = x": ["label", "label is not an attribute; did you mean label.NAME?"],
    "label.= x": ["label.", "label. is not an attribute; did you mean label.NAME?"],
    "xyzzy = x": ["xyzzy", "xyzzy is not an attribute"],
    "toString = x": ["toString", "toString is not an attribute"],
    'class = "pi': ['"', "this quote has no end"],
    "class = a;b": [";", "; has no meaning here; texts with it are written in quotes"],
    "class = \u202e": ["\u202e", "a control character has no meaning here; texts with it are written in quotes"],
    'class = "\u202e"': ['"\u202e"', "a text in quotes holds no control characters"],
    "models = camera": ["=", "models is a list; write models has camera, or models alone for any"],
    "cores has 4": ["has", "cores is a number, not a list; write cores = 4"],
    "class < b": ["<", "class is a text, which is never more or less; write =, !=, in or matches"],
    "memory matches 4*": ["matches", "matches is for texts, and memory is a size"],
    "needs has throtled": ["throtled", "needs has no throtled; did you mean throttled?"],
    "state = gone": ["gone", "state is never gone; expected one of online, offline, retired"],
    "class = and": ["and", "expected a value, not and: in quotes, if that is the text"],
    "class =": [" ", "expected a value, not the end"],
    "class b": ["b", "expected =, !=, <, <=, >, >=, in, has or matches, not b"],
    "class not = b": ["=", "expected in, has or matches, not ="],
    "class = a b": ["b", "expected and, or, or the end, not b"],
    "class in a": ["a", "expected ( after in, not a"],
    "class in (a b)": ["b", "expected , or ) in the list, not b"],
    "(gpu or drift": [" ", "expected ) for the ( at character 1"],
    "gpu)": [")", "expected and, or, or the end, not )"],
    "gpu and": [" ", "expected an attribute, such as memory, not the end"],
    "or gpu": ["or", "expected an attribute, such as memory, not or"],
    '"memory" > 1GiB': ['"memory"', "expected an attribute, such as memory, not a text in quotes"],
    "group = berln": ["berln", "there is no group berln; did you mean berlin?"],
    "group = none": ["none", "there is no group none"],
    "group matches b*": ["b*", "write group = NAME, != or in"],
    "group = b.c": ["b.c", "b.c is not a name: A-Z a-z 0-9 _ -, up to 64"],
    "group = left": ["left", "in group left: in group right: a group cannot be part of itself: left, right, left"],
    "group = broken": ["broken", "in group broken: memry is not an attribute; did you mean memory?"],
    group: [" ", "expected =, !=, <, <=, >, >=, in, has or matches, not the end"],
  };
  for (const [text, [what, words]] of Object.entries(marked)) {
    it(`${JSON.stringify(text)}: ${words}`, () => {
      const at = what === " " ? text.length : text.lastIndexOf(what);
      const message = `${words}\n  ${text}\n  ${" ".repeat(at)}${"^".repeat(what.length)}`;
      assert.throws(() => parseFilter(text, { groups: GROUPS }), { code: "invalid-argument", message });
    });
  }

  it("where it is long, by the part that is wrong", () => {
    const text = `${"gpu or ".repeat(20)}memry and ${"gpu or ".repeat(20)}gpu`;
    assert.throws(() => parseFilter(text), {
      message: [
        "memry is not an attribute; did you mean memory?",
        "  …u or gpu or gpu or gpu or gpu or gpu or memry and gpu or gpu or gpu or gpu or gp…",
        `  ${" ".repeat(41)}^^^^^`,
      ].join("\n"),
    });
  });

  it("where it is too long, too deep, or asks too much", () => {
    const deep = (depth: number): string => `${"(".repeat(depth)}gpu${")".repeat(depth)}`;
    assert.doesNotThrow(() => parseFilter(deep(16)));
    assert.throws(() => parseFilter(deep(17)), /^MpoError: nested deeper than 16\n/u);
    assert.throws(() => parseFilter(`${"not ".repeat(17)}gpu`), /nested deeper than 16/u);
    assert.throws(() => parseFilter(" ".repeat(MAX_FILTER_LENGTH + 1)), /2049 characters; expected up to 2048/u);
    const many = (terms: number): string => Array.from({ length: terms }, () => "gpu").join(" or ");
    assert.doesNotThrow(() => parseFilter(many(256)));
    assert.throws(() => parseFilter(many(257)), /more than 256 conditions/u);
    assert.throws(() => parseFilter(`cores in (${"1,".repeat(256)}1)`), /more than 256 conditions/u);
    // Each group is twice the one before.
    const doubling = new Map(Array.from({ length: 15 }, (_, at) => [`g${at + 1}`, `group = g${at} or group = g${at}`]));
    doubling.set("g0", "gpu");
    assert.throws(() => parseFilter("group = g15", { groups: doubling }), /more than 256 conditions/u);
    const chain = new Map(Array.from({ length: 17 }, (_, at) => [`g${at + 1}`, `group = g${at}`]));
    chain.set("g0", "gpu");
    assert.doesNotThrow(() => parseFilter("group = g15", { groups: chain }));
    assert.throws(() => parseFilter("group = g16", { groups: chain }), /groups within groups, more than 16/u);
  });

  it("where it is part of itself by the name under which it is saved", () => {
    assert.throws(
      () => parseFilter("gpu or group = old", { groups: GROUPS, savedAs: "berlin" }),
      /in group old: a group cannot be part of itself: berlin, old, berlin\n {2}gpu or group = old\n {17}\^\^\^$/u,
    );
  });
});
