import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_EARLIER } from "@mpo/protocol";
import fc from "fast-check";
import { decided, doubledCondition, type Instances, type Sighting, sighted } from "./instances.ts";

const HEARTBEAT_MS = 10_000;
const SILENT_MS = 3 * HEARTBEAT_MS;

/** "A0" is a call of instance A at once; "B10" one of B, 10 s after the call before. Machines: B is alone on its own. */
function after(calls: string, before?: Instances, startMs = 0): Instances {
  let atMs = startMs;
  let state = before;
  for (const call of calls.split(" ")) {
    atMs += Number(call.slice(1)) * 1000;
    state = sighted(state, seen(call.slice(0, 1), atMs), SILENT_MS);
  }
  assert.ok(state !== undefined);
  return state;
}

function seen(instanceId: string, lastSeenMs: number): Sighting {
  const machine = { B: "2", b: "2", X: "3" }[instanceId] ?? "1";
  return { instance: { instanceId, machineId: `m${machine}`, bootId: `boot${machine}` }, lastSeenMs };
}

/** Data folders by name, each with the starts from it, newest first. */
type Folders = Readonly<Record<string, readonly string[]>>;

/**
 * Starts and calls of agents on copies of one system, whose machine id is the same and whose boots are not known. "one"
 * starts an agent in a data folder of this name, 25 s after all before; "one=two" copies a folder; "one!" calls again with
 * the folder's newest start, "one!!" with the one before it; "off" starts one that reaches nobody; "+" lets a day pass;
 * "keep one" decides.
 */
function ofFolders(story: string): string {
  let folders: Folders = {};
  let state: Instances | undefined;
  let [atMs, starts] = [0, 0];
  const startIn = (name: string): readonly string[] => {
    folders = { ...folders, [name]: [`${name}${++starts}`, ...(folders[name] ?? [])] };
    return folders[name] ?? [];
  };
  const call = ([instanceId = "", ...earlier]: readonly string[], hasHistory: boolean): void => {
    const startCount = earlier.length + 1;
    const history = hasHistory && earlier.length > 0 ? { earlierIds: earlier.slice(0, MAX_EARLIER) } : {};
    state = sighted(
      state,
      { instance: { instanceId, machineId: "m", startCount, ...history }, lastSeenMs: atMs },
      SILENT_MS,
    );
  };
  for (const word of story.split(", ")) {
    const [verb = "", name = ""] = word.split(" ");
    atMs += word === "+" ? 86_400_000 : verb.endsWith("!") ? 0.9 * HEARTBEAT_MS : 25_000;
    if (verb.includes("="))
      folders = { ...folders, [verb.split("=")[0] ?? ""]: folders[verb.split("=")[1] ?? ""] ?? [] };
    else if (verb === "off") startIn(name);
    else if (verb === "wipe") folders = { ...folders, [name]: [] };
    else if (verb === "keep") state = decided(state, folders[name]?.[0] ?? "", atMs);
    else if (verb.endsWith("!!")) call((folders[verb.slice(0, -2)] ?? []).slice(1), false);
    else if (verb.endsWith("!")) call(folders[verb.slice(0, -1)] ?? [], false);
    else if (word !== "+") call(startIn(word), true);
  }
  assert.ok(state !== undefined);
  return summary(state).replaceAll(/\d+/gu, "");
}

const summary = ({ accepted, other, doubledSinceMs }: Instances): string =>
  [accepted.instance.instanceId, other?.instance.instanceId ?? "-", doubledSinceMs === undefined ? "" : "doubled"]
    .join(" ")
    .trim();

describe("who speaks for a device", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["one agent", "A0 A10 A10", "A -"],
    ["a restart", "A0 B5", "B A"],
    ["a restart, and what was before it is forgotten", "A0 B5 B10 B10 B10", "B -"],
    ["a crash loop", "A0 B1 C1 D1 E1", "E D"],
    ["two in turns: the first is accepted", "A0 B1 A9", "A B doubled"],
    ["two in turns, for long", "A0 B1 A9 B1 A9 B1 A9 B1 A9 B1", "A B doubled"],
    ["the double is restarted", "A0 B1 A9 b1 A1", "A b doubled"],
    ["the accepted one is restarted, on its own boot", "A0 B1 A9 C1 B1", "C B doubled"],
    ["the double falls silent, and is parked still", "A0 B1 A9 A10 A10 A10 B1", "A B doubled"],
    ["the accepted one falls silent: nobody has decided", "A0 B1 A9 B1 B10 B10 B10", "A B doubled"],
    ["a third one, while two are there, and after", "A0 B1 A9 X1 A1", "A X doubled"],
    ["a third one, when all are silent", "A0 B1 A9 b1 X86400", "X b doubled"],
    ["a board is replaced after a day", "A0 B86400", "B -"],
    ["back after an outage, while another has taken over", "A0 B60 B10 A5 B5", "B A doubled"],
    ["three machines", "A0 B1 C1 A1 C1 A1 B1", "C B doubled"],
  ];
  for (const [what, calls, expected] of cases) it(what, () => assert.equal(summary(after(calls)), expected));

  const stories: readonly (readonly [string, string, string])[] = [
    ["restarts of one folder", "one, one!, one, one, one!", "one -"],
    ["a copy that runs beside it", "one, two=one, two, one!, one!", "one two doubled"],
    ["a copy that runs in turns with it: the later is parked", "one, two=one, +, two, +, one", "two one doubled"],
    [
      "the copy was started often meanwhile",
      `one, two=one, +, ${Array(40).fill("two").join(", ")}, +, one`,
      "two one doubled",
    ],
    [
      "the original was started often where nobody heard it",
      "one, two=one, +, two, off one, off one, one",
      "two one doubled",
    ],
    ["restarts that nobody heard of", `one, ${Array(30).fill("off one").join(", ")}, one`, "one -"],
    ["both are started again and again", "one, two=one, +, two, one, two, one, one, two!", "two one doubled"],
    ["the parked one is alone for long", "one, two=one, +, two, one, +, one, one!", "two one doubled"],
    ["a person keeps the parked one", "one, two=one, +, two, one, keep one, one!, two!", "one two"],
    ["and both are started again", "one, two=one, +, two, one, keep one, two, one, two!, +, two, two!", "one two"],
    ["a person changes their mind", "one, two=one, +, two, one, keep one, two!, keep two, one!", "two one"],
    [
      "the kept one is copied again",
      "one, two=one, two, one!, one!, keep one, three=one, three, one!, one!",
      "three one doubled",
    ],
    ["the folder is emptied", "one, one, wipe one, one, one!", "one -"],
    ["a call of the start before comes late", "one, one, one!!, one!", "one -"],
    ["a start before that runs on: its disk was copied while it ran", "one, one, +, one!, one!!", "one one doubled"],
    ["an older copy of the disk is put back", "one, two=one, one, one, one=two, one", "one one doubled"],
  ];
  for (const [what, story, expected] of stories)
    it(`copied disks: ${what}`, () => assert.equal(ofFolders(story), expected));

  it("a start that a full disk has not kept, and late calls of it and of the one before, are no double", () => {
    const call = (before: Instances | undefined, atS: number, instanceId: string, startCount: number): Instances => {
      const earlierIds = instanceId === "C" ? { earlierIds: ["A"] } : {};
      return sighted(
        before,
        { instance: { instanceId, startCount, ...earlierIds }, lastSeenMs: atS * 1000 },
        SILENT_MS,
      );
    };
    const unkept = call(call(call(undefined, 0, "A", 1), 25, "B", 0), 27, "A", 1);
    assert.equal(summary(unkept), "B A");
    const next = call(call(unkept, 50, "C", 2), 52, "B", 0);
    assert.equal(summary(next), "C B");
    assert.equal(summary(call(next, 61, "B", 0)), "B C doubled", "it still runs");
  });

  it("a decision needs two, and names one of them", () => {
    assert.throws(() => decided(undefined, "A", 0), { code: "precondition-failed" });
    assert.throws(() => decided(after("A0 B1"), "A", 0), { code: "precondition-failed" });
    assert.throws(() => decided(after("A0 B1 A9"), "C", 0), /the instance is C; expected A or B/u);
    assert.deepEqual(doubledCondition(decided(after("A0 B1 A9"), "B", 0), 0), []);
  });

  it("gives words for a person only while it is doubled", () => {
    assert.deepEqual(doubledCondition(undefined, 0), []);
    assert.deepEqual(doubledCondition(after("A0 B1"), 0), []);
    const [condition] = doubledCondition(after("A0 B1 A9"), 12_000);
    assert.equal(condition?.code, "doubled");
    assert.match(
      condition?.message ?? "",
      /machine m1 .*agent A, heard of 2 s ago.*agent B, heard of 11 s ago.*mpo devices decide/,
    );
  });

  it("whatever was before: restarts are no double, two in turns are, and no time makes the parked one the device", () => {
    const calls = fc.array(fc.tuple(fc.constantFrom("A", "B", "C", "D"), fc.integer({ min: 0, max: 50 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(calls, (all) => {
        const before = after(all.map(([one, s]) => `${one}${s}`).join(" "));
        const endMs = all.reduce((sum, [, s]) => sum + s * 1000, 0);
        if (before.doubledSinceMs !== undefined) assert.ok(before.other !== undefined);
        assert.notEqual(before.accepted.instance.instanceId, before.other?.instance.instanceId);
        const quietMs = endMs + SILENT_MS;
        if (before.doubledSinceMs !== undefined) {
          const parked = before.other?.instance.instanceId ?? "";
          const alone = after(Array(9).fill(`${parked}10`).join(" "), before, quietMs);
          assert.deepEqual([alone.accepted, alone.doubledSinceMs], [before.accepted, before.doubledSinceMs]);
          return;
        }
        // Every new instance that is not heard of again after the next: a crash loop from a quiet start.
        assert.equal(after("V0 W1 X1 Y1 Z1", before, quietMs).doubledSinceMs, undefined);
        const doubled = after("Y0 Z1 Y1 Z1", before, quietMs);
        assert.equal(summary(doubled), "Y Z doubled");
        for (const kept of ["Y", "Z"]) {
          const left = decided(doubled, kept, quietMs);
          assert.equal(summary(after("Y10 Z10 Y10 Z86400 Z10", left, quietMs)), `${kept} ${kept === "Y" ? "Z" : "Y"}`);
        }
      }),
    );
  });
});
