import assert from "node:assert/strict";
import { test } from "node:test";
import { SetupFailure } from "./say.mjs";
import { ensureTensorflow } from "./tensorflow.mjs";
import { contextIn, temporaryFolder } from "./test-room.mjs";

/**
 * Steps on a cache with an addon that is damaged unseen: only a run that reads the hashes notices.
 * @param {{ damaged: boolean, checked?: boolean }} state
 */
function stepsOn(state) {
  /** @type {string[]} */
  const calls = [];
  return {
    calls,
    library: async () => ({ libFolder: "", includeFolder: "", wheelSha256: "", fresh: false }),
    addon: async (/** @type {import("./cache.mjs").SetupContext} */ { verify }) => {
      calls.push(verify ? "place, hashes read" : "place");
      const fresh = verify && state.damaged;
      if (fresh) state.damaged = false;
      return { fresh, checked: state.checked === true };
    },
    check: async () => {
      calls.push("check");
      if (state.damaged) throw new SetupFailure("it does not work", "none");
    },
  };
}

test("what passed its check before is not checked again", async (t) => {
  const steps = stepsOn({ damaged: false, checked: true });
  await ensureTensorflow(contextIn(temporaryFolder(t)), steps);
  assert.deepEqual(steps.calls, ["place"]);
});

test("a check that fails has every hash read, and is repeated when something was damaged", async (t) => {
  const steps = stepsOn({ damaged: true });
  const context = contextIn(temporaryFolder(t));
  await ensureTensorflow(context, steps);
  assert.deepEqual(steps.calls, ["place", "check", "place, hashes read", "check"]);
  assert.match(context.said.join(), /checking all its files/u);
});

test("a check that fails on a sound cache is told, without another try", async (t) => {
  const steps = { ...stepsOn({ damaged: true }), addon: async () => ({ fresh: false, checked: false }) };
  await assert.rejects(ensureTensorflow(contextIn(temporaryFolder(t)), steps), { message: "it does not work" });
  assert.deepEqual(steps.calls, ["check"]);
});
