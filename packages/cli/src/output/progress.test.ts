import assert from "node:assert/strict";
import { it } from "node:test";
import { startProgress } from "./progress.ts";
import { createTerminal } from "./terminal.ts";

it("progress in a pipe is a line now and then, with the time that is left", (t) => {
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const lines: string[] = [];
  const pipe = { write: (text: string) => lines.push(text) };
  const progress = startProgress(createTerminal(pipe, pipe, []), "training resnet20", 100);
  for (let step = 1; step <= 40; step++) {
    nowMs += 1_000;
    progress.update(step, `loss ${step}`);
  }
  progress.end();
  assert.deepEqual(lines, [
    "training resnet20: 15 of 100 steps, 1 min 25 s left, loss 15\n",
    "training resnet20: 30 of 100 steps, 1 min 10 s left, loss 30\n",
  ]);
});
