import assert from "node:assert/strict";
import { test } from "node:test";
import { MPO_ERROR_CODES, MpoError } from "@mpo/core";
import { errorFromStatus, GRPC_STATUS, statusFromError } from "./status.ts";

for (const code of MPO_ERROR_CODES) {
  void test(`${code} comes back with its message and hint`, () => {
    const status = statusFromError(new MpoError(code, "what was wrong", { hint: "Größer → kleiner." }));
    const error = errorFromStatus(status);
    assert.deepEqual([error.code, error.message, error.hint], [code, "what was wrong", "Größer → kleiner."]);
    assert.ok(status.code > 0 && status.code <= 16);
    for (const [key, value] of Object.entries(status.metadata)) {
      if (key.endsWith("-bin")) assert.ok(value instanceof Uint8Array);
      else assert.match(String(value), /^[\x20-\x7e]*$/u);
    }
  });
}

const FOREIGN = [
  [GRPC_STATUS.unknown, "internal"],
  [GRPC_STATUS.permissionDenied, "permission-denied"],
  [GRPC_STATUS.resourceExhausted, "unavailable"],
  [GRPC_STATUS.outOfRange, "invalid-argument"],
  [GRPC_STATUS.unavailable, "unavailable"],
  [GRPC_STATUS.deadlineExceeded, "timed-out"],
  [GRPC_STATUS.dataLoss, "invalid-data"],
  [99, "internal"],
] as const;
for (const [code, expected] of FOREIGN) {
  void test(`a status ${code} without our code means ${expected}`, () => {
    assert.equal(errorFromStatus({ code, details: "", metadata: {} }).code, expected);
  });
}

void test("a message over the limit is told apart from a quota: it will never pass", () => {
  const details = "Received message larger than max (70000 vs 65536)";
  const error = errorFromStatus({ code: GRPC_STATUS.resourceExhausted, details, metadata: {} });
  assert.equal(error.code, "invalid-argument");
});

void test("our code counts only with the status that belongs to it", () => {
  for (const told of ["unavailable", "nonsense", "__proto__"]) {
    const status = { code: GRPC_STATUS.unauthenticated, details: "no", metadata: { "mpo-code": told } };
    assert.equal(errorFromStatus(status).code, "unauthenticated");
  }
});

void test("of a bug nothing is told; an abort is cancelled; what is long is cut", () => {
  const bug = statusFromError(new TypeError("cannot read /etc/secret"));
  assert.equal(bug.code, GRPC_STATUS.internal);
  assert.doesNotMatch(bug.details, /secret/u);
  assert.equal(statusFromError(AbortSignal.abort().reason).code, GRPC_STATUS.cancelled);
  assert.equal(statusFromError(new MpoError("internal", "x".repeat(5000))).details.length, 1024);
});
