import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "@mpo/cli/testing";
import { MIB } from "@mpo/core";

/** 153 MiB were measured; the code that oneDNN makes differs by processor. */
const MOST_BYTES = 180 * MIB;

test("a retraining's processes stay small beside its step", { timeout: 200_000 }, async () => {
  const { code, records, stderr } = await runCommand(["bench", "footprint", "--json"]);
  assert.equal(code, 0, stderr);
  const { job, worker, trainedSteps } = records.at(-1) as {
    job: { peakBytes: number };
    worker: { peakBytes: number };
    trainedSteps: number;
  };
  assert.equal(trainedSteps, 8);
  const bytes = job.peakBytes + worker.peakBytes;
  assert.ok(bytes > 0 && bytes < MOST_BYTES, `${bytes} bytes`);
});
