import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { GateMetric } from "@mpo/core";
import type { WindowFacts } from "../registry/window-facts.ts";
import { identityOf } from "../testing/tiny-fleet.ts";
import { measureMetric } from "./gate-metrics.ts";

const bounds = { expected: 100, upper: 120 };

function windowOf(changes: Partial<WindowFacts> & { readonly peak?: number; readonly step?: number }): WindowFacts {
  const { peak, step, ...rest } = changes;
  return {
    ...{ model: "tiny", outcome: "replaced", document: { epoch: 1, version: 2 }, receivedAtMs: 1_000 },
    memoryBytes: peak === undefined ? undefined : { seen: peak, predicted: bounds },
    stepMs: step === undefined ? undefined : { seen: step, predicted: bounds },
    ...{ accuracyBefore: undefined, accuracyAfter: undefined },
    ...rest,
  };
}

/** By device: what it has reported. */
const REPORTS: Readonly<Record<string, readonly WindowFacts[]>> = {
  one: [
    windowOf({ peak: 125, step: 80, accuracyBefore: 0.5, accuracyAfter: 0.7 }),
    // Before it was changed, and of another model.
    windowOf({ document: { epoch: 1, version: 1 }, outcome: "failed", peak: 999 }),
    windowOf({ model: "other", outcome: "failed", peak: 999 }),
  ],
  two: [
    windowOf({ outcome: "checked", peak: 100, step: 160 }),
    windowOf({ outcome: "over-memory", accuracyBefore: 0.6, accuracyAfter: 0.5 }),
    windowOf({ outcome: "cancelled" }),
  ],
  three: [],
  control: [
    windowOf({ document: undefined, accuracyBefore: 0.5, accuracyAfter: 0.52 }),
    windowOf({ document: undefined, accuracyBefore: 0.5, accuracyAfter: 0.9, receivedAtMs: 10 }),
  ],
};

const given = { epoch: 1, version: 2 };
const statuses = {
  windows: ({ device }: { readonly device: string }) => REPORTS[device] ?? [],
  drifted: ({ device }: { readonly device: string }) =>
    device === "two" ? ["tiny"] : device === "one" ? [] : undefined,
  of: ({ device }: { readonly device: string }) =>
    device === "three"
      ? { version: given, state: "refused" as const, message: "" }
      : { version: given, state: "applied" as const, message: "" },
};

void describe("a wave is measured", () => {
  const subject = {
    model: "tiny",
    changed: ["one", "two", "three"].map((device) => ({ identity: identityOf(device), given })),
    control: [identityOf("control")],
    sinceMs: 500,
  };
  const expected: Readonly<Record<GateMetric, readonly [value: number, sample: number]>> = {
    "memory-over-bound": [2 / 3, 3],
    "memory-error": [(25 / 125 + 0) / 2, 2],
    "time-over-bound": [1 / 2, 2],
    "time-error": [(20 / 80 + 60 / 160) / 2, 2],
    "accuracy-gain": [0.05, 2],
    "accuracy-drop": [1 / 2, 2],
    "gain-over-control": [0.03, 1],
    "windows-cancelled": [1 / 3, 3],
    "windows-failed": [1 / 3, 3],
    "documents-refused": [1 / 3, 3],
    drift: [1 / 2, 2],
  };
  for (const [metric, [value, sample]] of Object.entries(expected) as [GateMetric, readonly [number, number]][]) {
    void it(`by ${metric}`, () => {
      const measured = measureMetric(statuses, metric, subject);
      assert.ok(Math.abs((measured.value ?? Number.NaN) - value) < 1e-9, `${measured.value}`);
      assert.equal(measured.sample, sample);
    });
  }

  void it("and says nothing where nothing was reported", () => {
    const nobody = { ...subject, changed: subject.changed.slice(2) };
    const { value, sample, message } = measureMetric(statuses, "memory-over-bound", nobody);
    assert.deepEqual([value, sample, message], [undefined, 0, "no checks and windows that say it yet"]);
    assert.equal(measureMetric(statuses, "gain-over-control", { ...subject, control: [] }).value, undefined);
  });
});
