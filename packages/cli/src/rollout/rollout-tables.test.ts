import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ROLLOUT_PHASES } from "@mpo/core";
import { EXIT_CODES } from "@mpo/runtime";
import { createTerminal } from "../output/terminal.ts";
import { anyRollout, anyRolloutDevice } from "../test-support/rollout-view.ts";
import { planLines } from "./plan-tables.ts";
import { changesBetween } from "./rollout-changes.ts";
import { rolloutExitCode } from "./rollout-outcome.ts";
import { deviceCells, statusLines } from "./status-tables.ts";

const NOW_MS = 1_000_000;
const nowhere = { write: () => true };
/** Wide enough that nothing is wrapped. */
const wide = { write: () => true, isTTY: true, columns: 200 };
const terminal = createTerminal(wide, nowhere, [], { NO_COLOR: "1" });

/** Rows of tables as their cells, other lines as they are. */
function cellsOf(lines: readonly string[]): readonly (string | readonly string[])[] {
  return lines
    .join("\n")
    .split("\n")
    .filter((line) => !/^[┌├└]/u.test(line))
    .map((line) =>
      line.startsWith("│")
        ? line
            .split("│")
            .slice(1, -1)
            .map((cell) => cell.trim())
        : line,
    );
}

describe("planLines", () => {
  it("shows who gets what, when, who does not, and what is expected", () => {
    assert.deepEqual(cellsOf(planLines(anyRollout(), { terminal })), [
      "canary changes 40 devices of camera in 3 waves; 4 devices stay as they are, to be compared with",
      "Less memory",
      ["configuration", "devices", "memory up to", "step up to", "accuracy"],
      ["micro-batch 8 of 256", "30", "90.0 MiB", "1.2 s", "81.0 %"],
      ["micro-batch 4 of 256", "10", "60.0 MiB", "2.4 s", "79.0 %"],
      ["wave", "who", "devices", "begins", "watched for", "over after"],
      ["1", "label.canary = yes", "2", "when approved", "-", "about 10 min 00 s"],
      ["2", "up to 25.0 % of all", "8", "by itself", "10 min 00 s", "about 30 min 00 s"],
      ["3", "whoever is left", "30", "by itself", "-", "about 1 h 00 min"],
      "3 devices are not changed: 1 not measured, 1 nothing fits, 1 control group",
      "  pi-7: the least takes 120 MiB",
      "  pi-8: it was never measured",
      "  pi-9: it stays as it is",
      "expected to take about 1 h 00 min, with up to 12 devices being changed at once",
      "  pi-1 takes 5 min 00 s: its check takes long",
      "  assumed: devices that are away stay away",
    ]);
  });

  it("says what is not known", () => {
    const { forecast: _, ...rest } = anyRollout({ distribution: [], leftOut: [], leftOutCount: 12 });
    const lines = planLines(rest, { terminal });
    assert.ok(lines.includes("how long it will take was not simulated"));
    assert.ok(lines.includes("12 devices are not changed: 12 not listed"));
  });
});

describe("statusLines", () => {
  it("shows each state of devices apart, gates with their newest measurement, and why it does not move", () => {
    assert.deepEqual(cellsOf(statusLines(anyRollout(), NOW_MS, { terminal })), [
      "canary has been halted for 1 min 00 s: wave 2 failed: gate memory",
      "waits for: wave 2 failed: gate memory; retry what failed, go on with next, or roll back",
      ["wave", "is", "since", "devices", "pending", "offline", "confirmed", "failed"],
      ["1", "passed, approved by anna", "10 min ago", "2", "", "", "2", ""],
      ["2", "failed", "1 min ago", "8", "", "1", "6", "1"],
      ["3", "waiting", "16 min ago", "30", "30", "", "", ""],
      ["wave", "gate", "says", "measured", "newest"],
      ["2", "memory", "failure", "once, 1 failed", "0.125 of 8: failure, expected <= 0.05, 10 s ago"],
    ]);
  });

  it("shows a device's way", () => {
    assert.deepEqual(deviceCells(anyRolloutDevice(), NOW_MS), [
      "pi-1",
      2,
      "failed",
      "1 min ago",
      1,
      "1.4",
      "1.5",
      "over its memory bound",
    ]);
  });
});

describe("changesBetween", () => {
  it("begins with where it stands", () => {
    assert.deepEqual(changesBetween(undefined, anyRollout()), [
      "wave 1: passed; 2 confirmed",
      "wave 2: gate memory measured 0.125 of 8: failure, expected <= 0.05 (over: failure)",
      "wave 2: failed; 1 offline, 6 confirmed, 1 failed",
      "halted: wave 2 failed: gate memory",
      "waits for: wave 2 failed: gate memory; retry what failed, go on with next, or roll back",
    ]);
  });

  it("has nothing to say where only ages change", () => {
    const before = anyRollout({ waitsFor: "2 devices are away (pi-1, pi-2; since 5 s)" });
    assert.deepEqual(
      changesBetween(before, { ...before, waitsFor: "2 devices are away (pi-1, pi-2; since 2 min)" }),
      [],
    );
  });

  it("says what is new, and only that", () => {
    const before = anyRollout();
    const after = anyRollout({ phase: "rolling-back", reason: "by anna, call cli-1: too slow" });
    assert.deepEqual(changesBetween(before, after), ["rolling-back: by anna: too slow"]);
  });
});

describe("rolloutExitCode", () => {
  it("tells a halted, a rolled-back and a stopped rollout from one that is through", () => {
    const codes = ROLLOUT_PHASES.map((phase) => [phase, rolloutExitCode({ phase })]);
    assert.deepEqual(Object.fromEntries(codes), {
      planned: undefined,
      running: undefined,
      paused: undefined,
      "rolling-back": undefined,
      finishing: EXIT_CODES.ok,
      completed: EXIT_CODES.ok,
      halted: 9,
      "rolled-back": 10,
      stopped: EXIT_CODES.state,
      conflicted: EXIT_CODES.state,
    });
  });
});
