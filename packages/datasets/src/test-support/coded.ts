import assert from "node:assert/strict";
import { MpoError, type MpoErrorCode } from "@mpo/core";

/** For `assert.rejects` and `assert.throws`: an `MpoError` of this code, whose message fits. */
export const coded =
  (code: MpoErrorCode, message: RegExp = /./) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof MpoError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
