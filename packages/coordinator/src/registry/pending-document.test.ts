import assert from "node:assert/strict";
import { it } from "node:test";
import type { DocumentStatus } from "@mpo/protocol";
import { pendingCondition } from "./pending-document.ts";

const desired = { version: { epoch: 1, version: 2 }, issuedAtMs: 1_000, model: "tiny" };
const reported = (state: DocumentStatus["state"], version: number): DocumentStatus => ({
  ...{ version: { epoch: 1, version }, state, message: "" },
});

void it("a document is pending when it has not been applied for 5 min", () => {
  const codes = (applied: number | undefined, status: DocumentStatus | undefined, nowMs: number): readonly string[] => {
    const said = { applied: applied === undefined ? undefined : { epoch: 1, version: applied }, reported: status };
    return pendingCondition(desired, said, { nowMs, isOnline: true }).map(({ code, sinceMs }) => `${code} ${sinceMs}`);
  };
  const pending = ["document-pending 1000"];
  assert.deepEqual(codes(1, reported("applied", 1), 300_000), [], "it is soon yet");
  assert.deepEqual(codes(1, reported("applied", 1), 301_000), pending);
  assert.deepEqual(codes(undefined, undefined, 301_000), pending);
  assert.deepEqual(codes(1, reported("accepted", 2), 301_000), pending);
  assert.deepEqual(codes(2, undefined, 301_000), []);
  assert.deepEqual(codes(1, reported("applied", 2), 301_000), []);
  const nothing = { applied: undefined, reported: undefined };
  assert.deepEqual(pendingCondition(undefined, nothing, { nowMs: 301_000, isOnline: true }), []);
  assert.match(String(pendingCondition(desired, nothing, { nowMs: 301_000, isOnline: false })[0]?.message), /offline/u);
});
