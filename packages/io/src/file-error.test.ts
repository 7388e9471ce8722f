import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import { fileError } from "./file-error.ts";

const CASES = [
  ["ENOENT", "not-found", undefined],
  ["EEXIST", "already-exists", undefined],
  ["EACCES", "precondition-failed", /permissions/u],
  ["EROFS", "precondition-failed", /permissions/u],
  ["ENOSPC", "unavailable", /disk is full/u],
  ["EDQUOT", "unavailable", /disk is full/u],
  ["EIO", "internal", undefined],
  ["toString", "internal", undefined],
] as const;
for (const [systemCode, code, hint] of CASES) {
  void test(`${systemCode} becomes ${code} and names action and path`, () => {
    const error = fileError(Object.assign(new Error("why"), { code: systemCode }), "write", "/a/b");
    assert.equal(error.code, code);
    assert.equal(error.message, "cannot write /a/b: why");
    if (hint === undefined) assert.equal(error.hint, undefined);
    else assert.match(error.hint ?? "", hint);
  });
}

void test("an MpoError stays what it is, and what is no error is told", () => {
  const own = new MpoError("invalid-data", "x");
  assert.equal(fileError(own, "read", "/a"), own);
  assert.equal(fileError("odd", "read", "/a").message, "cannot read /a: odd");
});
