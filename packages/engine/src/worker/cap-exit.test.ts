import assert from "node:assert/strict";
import { test } from "node:test";
import { isCapExit } from "./cap-exit.ts";

const aborted = (stderr: string): Parameters<typeof isCapExit>[0] => ({ code: null, signal: "SIGABRT", stderr });
const OLD = "2026-11-29 10:07:46.540723: F tensorflow/core/util/mkl_util.h:1485] 'tensor' Must be non NULL\n";
const NEW = "F0000 00:00:1795946866.540723   31120 mkl_util.h:1485] 'tensor' Must be non NULL\n*** Check failure ***\n";

void test("a failed check of TensorFlow under a cap is the cap's doing, in the log of old releases and of new", () => {
  for (const line of [OLD, NEW]) {
    assert.ok(isCapExit(aborted(line), true));
    assert.ok(isCapExit(aborted(`I0000 00:00:1795946855.782063   31105 port.cc:153] oneDNN is on\n${line}`), true));
    assert.ok(!isCapExit(aborted(line), false), "without a cap it is a crash");
  }
});

void test("another abort under a cap is a crash", () => {
  for (const line of ["", "FATAL ERROR: Reached heap limit", "I0000 00:00:1.5   31105 port.cc:153] oneDNN is on\n"]) {
    assert.ok(!isCapExit(aborted(line), true), line);
  }
});
