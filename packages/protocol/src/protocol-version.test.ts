import assert from "node:assert/strict";
import { it } from "node:test";
import { OLDEST_PROTOCOL, PROTOCOL, requireProtocol } from "./protocol-version.ts";

void it("the release before still speaks with this one, and a peer that says nothing is of the first", () => {
  assert.ok(OLDEST_PROTOCOL >= PROTOCOL - 1);
  requireProtocol(undefined, 1);
  requireProtocol(PROTOCOL + 1);
  assert.throws(() => requireProtocol(undefined, 2), { code: "precondition-failed", message: /protocol 1.* needs 2/u });
});
