import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Prediction } from "@mpo/core";
import { desiredDocumentCodec, LIMITS } from "@mpo/protocol";
import { type DocumentContent, documentToBytes, nextVersion } from "./make-document.ts";

const MOST = Number.MAX_SAFE_INTEGER;

void describe("the next version", () => {
  const cases = [
    { current: undefined, floor: undefined, epoch: 1, next: "1.1" },
    { current: "1.4", floor: undefined, epoch: 1, next: "1.5" },
    { current: "1.4", floor: "1.9", epoch: 1, next: "1.10" },
    { current: "1.9", floor: "1.4", epoch: 1, next: "1.10" },
    { current: undefined, floor: "3.2", epoch: 1, next: "3.3" },
    { current: "1.9", floor: "2.4", epoch: 1, next: "2.5" },
    { current: "1.9", floor: "1.20", epoch: 2, next: "2.1" },
    { current: "1.4", floor: `1.${MOST}`, epoch: 1, next: "2.1" },
  ] as const;
  const versionOf = (text: string | undefined) => {
    if (text === undefined) return undefined;
    const [epoch, version] = text.split(".").map(Number) as [number, number];
    return { epoch, version };
  };
  for (const { current, floor, epoch, next } of cases) {
    void it(`after ${current ?? "none"}, told of ${floor ?? "none"}, in epoch ${epoch}: ${next}`, () => {
      assert.deepEqual(nextVersion(versionOf(current), versionOf(floor), epoch), versionOf(next));
    });
  }
});

function rung(memory: number, actions: number): Prediction {
  return {
    config: {
      microBatch: 8,
      accumulation: 4,
      freezing: { featureExtraction: 0, normalisation: 0, linear: 0 },
      checkpoints: {
        kind: "schedule",
        actions: Array.from({ length: actions }, (_, index) => ({
          kind: "forward",
          unit: 100 + (index % 100),
          keep: "all",
        })),
      },
    },
    memoryBytes: { expected: memory, upper: memory },
    stepMs: { expected: 1, upper: 2 },
    overheadMs: 0,
    stepsInWindow: 10,
    accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps: 5, isGuess: false },
    trainingMs: 5,
    unknowns: [],
  };
}

function content(rungs: readonly Prediction[], chosenRung: number): DocumentContent {
  return {
    tenant: "acme",
    device: "pi-1",
    deviceClass: "board",
    model: "tiny",
    manifestDigest: "cd".repeat(32),
    objective: "accuracy",
    budget: { memoryBytes: 1000, windowMs: 1000 },
    budgetSource: "policy",
    rungs,
    chosenRung,
    reasons: [],
  };
}

const STAMP = { version: { epoch: 1, version: 1 }, issuedAtMs: 1000, validMs: 5000, request: "report r1" };

void describe("a document", () => {
  void it("has its time, and comes back from its bytes", () => {
    const { document, bytes } = documentToBytes(content([rung(1, 3)], 0), STAMP);
    assert.deepEqual(desiredDocumentCodec.fromBytes(bytes), document);
    assert.deepEqual([document.issuedAtMs, document.expiresAtMs], [1000, 6000]);
  });

  void it("that is too long loses rungs between the cheapest and the best", () => {
    const rungs = [rung(1, 1000), rung(2, 100), rung(3, 1500), rung(4, 1200), rung(5, 1000)];
    const { document, bytes } = documentToBytes(content(rungs, 3), STAMP);
    assert.ok(bytes.length <= LIMITS.documentBytes);
    assert.deepEqual([document.rungs[0], document.rungs.at(-1)], [rungs[0], rungs[4]]);
    assert.ok(document.rungs.includes(rungs[1] as Prediction) && !document.rungs.includes(rungs[2] as Prediction));
    assert.ok(document.chosenRung < document.rungs.length);
    assert.throws(() => documentToBytes(content([rung(1, 5000), rung(2, 5000)], 0), STAMP), {
      code: "over-budget",
    });
  });

  void it("says what it answers, and keeps the first of too many reasons", () => {
    const reasons = Array.from({ length: 20 }, (_, index) => ({ code: "x", text: `${index}` }));
    const { document } = documentToBytes({ ...content([rung(1, 3)], 0), reasons }, STAMP);
    assert.deepEqual([document.request, document.reasons], ["report r1", reasons.slice(0, 16)]);
  });
});
