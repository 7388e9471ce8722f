import assert from "node:assert/strict";
import { test } from "node:test";
import { MPO_ERROR_CODES, MpoError } from "@mpo/core";
import { EXIT_CODES, exitCodeOf } from "./exit-codes.ts";

const EXPECTED = [
  ["invalid-argument", 2],
  ["unsupported", 2],
  ["invalid-data", 3],
  ["not-found", 4],
  ["already-exists", 4],
  ["precondition-failed", 4],
  ["conflict", 4],
  ["over-budget", 5],
  ["over-memory-cap", 5],
  ["unavailable", 6],
  ["timed-out", 6],
  ["unauthenticated", 7],
  ["permission-denied", 8],
  ["cancelled", 130],
  ["worker-crashed", 1],
  ["worker-killed", 5],
  ["internal", 1],
] as const;

void test("every error code has its documented exit code", () => {
  assert.deepEqual(EXPECTED.map(([code]) => code).toSorted(), [...MPO_ERROR_CODES].toSorted());
  for (const [code, exitCode] of EXPECTED) assert.equal(exitCodeOf(new MpoError(code, "x")), exitCode, code);
});

void test("an abort exits as cancelled, anything foreign as internal", () => {
  assert.equal(exitCodeOf(AbortSignal.abort().reason), EXIT_CODES.cancelled);
  assert.equal(exitCodeOf(new TypeError("bug")), EXIT_CODES.internal);
  assert.equal(exitCodeOf("text"), EXIT_CODES.internal);
});
