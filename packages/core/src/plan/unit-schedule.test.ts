import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "../facts/mpo-error.ts";
import type { Checkpoints, UnitAction } from "../facts/retrain-config.ts";
import { tinyChain } from "../test-support/tiny-chain.ts";
import { uniformBoundaries, unitSchedule } from "./unit-schedule.ts";

const chain = tinyChain();
const text = (actions: readonly UnitAction[]): string =>
  actions
    .map((action) => (action.kind === "backward" ? `B${action.unit}` : `F${action.unit}${action.keep[0]}`))
    .join(" ");

test("unitSchedule writes out each kind of checkpoints", () => {
  const cases: readonly { readonly checkpoints: Checkpoints; readonly expected: string }[] = [
    { checkpoints: { kind: "none" }, expected: "F0a F1a F2a F3a B3 B2 B1 B0" },
    { checkpoints: { kind: "uniform", segments: 2 }, expected: "F0i F1n F2a F3a B3 B2 F0a F1a B1 B0" },
    { checkpoints: { kind: "boundaries", at: [3] }, expected: "F0i F1n F2n F3a B3 F0a F1a F2a B2 B1 B0" },
    { checkpoints: { kind: "uniform", segments: 9 }, expected: "F0i F1i F2i F3a B3 F2a B2 F1a B1 F0a B0" },
  ];
  for (const { checkpoints, expected } of cases) assert.equal(text(unitSchedule(chain, checkpoints)), expected);
});

test("uniformBoundaries splits nearly evenly", () => {
  assert.deepEqual(uniformBoundaries(10, 3), [0, 3, 6]);
  assert.deepEqual(uniformBoundaries(2, 5), [0, 1]);
});

test("unitSchedule refuses what cannot run and says where", () => {
  const forward = (unit: number, keep: "all" | "input" | "nothing" = "all"): UnitAction => ({
    kind: "forward",
    unit,
    keep,
  });
  const backward = (unit: number): UnitAction => ({ kind: "backward", unit });
  const schedule = (actions: readonly UnitAction[]): Checkpoints => ({ kind: "schedule", actions });
  const all = [0, 1, 2, 3].map((unit) => forward(unit));
  const back = [3, 2, 1, 0].map(backward);
  const cases: readonly { readonly checkpoints: Checkpoints; readonly message: RegExp }[] = [
    { checkpoints: { kind: "boundaries", at: [4] }, message: /at has 4; this model's units are 0 to 3/ },
    { checkpoints: schedule([forward(1)]), message: /actions\[0\]: unit 1 runs forward, but its input is not/ },
    { checkpoints: schedule([forward(0), forward(7)]), message: /unit 7 does not exist/ },
    { checkpoints: schedule([...all, backward(2)]), message: /unit 2 goes backward, expected unit 3/ },
    { checkpoints: schedule([...all, ...back.slice(0, 3)]), message: /ends before unit 0 has gone backward/ },
    {
      checkpoints: schedule([forward(0), forward(1), forward(2), forward(3, "input"), ...back]),
      message: /unit 3 goes backward before a forward that keeps all/,
    },
  ];
  for (const { checkpoints, message } of cases) {
    assert.throws(
      () => unitSchedule(chain, checkpoints),
      (error: unknown) => error instanceof MpoError && error.code === "invalid-argument" && message.test(error.message),
      String(message),
    );
  }
});
