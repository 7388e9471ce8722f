import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import type { RolloutView } from "@mpo/protocol";
import type { AdminClient } from "@mpo/transport";
import { createTerminal } from "../output/terminal.ts";
import { anyRollout } from "../test-support/rollout-view.ts";
import { endWaiting } from "./show-rollout.ts";
import { type SeenRollout, type WatchOptions, watchRollout } from "./watch-rollout.ts";

/** A rollout as a coordinator has it, from one look to the next; the last stays. */
function watched(looks: readonly (Partial<RolloutView> | MpoError)[], more: Partial<WatchOptions> = {}) {
  const said: string[] = [];
  const terminal = createTerminal({ write: (text) => said.push(text) }, { write: (text) => said.push(text) }, []);
  const clock = new VirtualClock();
  const stop = new AbortController();
  let at = -1;
  const admin = {
    getRollout: () => {
      at = Math.min(at + 1, looks.length - 1);
      const look = looks[at] ?? {};
      if (look instanceof MpoError) return Promise.reject(look);
      return Promise.resolve({ rollout: anyRollout(look), serverTimeMs: 1_000_000 });
    },
  } as unknown as AdminClient;
  const call = { signal: stop.signal, requestId: "test" };
  const end = watchRollout(
    { tenant: "default", name: "canary", isWatched: true, ...more },
    { admin, call, target: "", terminal },
    clock,
  );
  end.catch(() => undefined);
  return { end, clock, stop, said };
}

const RUNNING = { phase: "running", reason: "", waitsFor: undefined } as const;

describe("watchRollout", () => {
  it("says what changes, until it is over", async () => {
    const { end, clock, said } = watched([RUNNING, RUNNING, { phase: "rolling-back" }, { phase: "rolled-back" }]);
    await clock.advance(10_000);
    assert.equal((await end).rollout.phase, "rolled-back");
    assert.deepEqual(
      said.filter((line) => /running|roll/u.test(line) && !line.includes("waits for")),
      [
        "canary: running\n",
        "canary: rolling-back: wave 2 failed: gate memory\n",
        "canary: rolled-back: wave 2 failed: gate memory\n",
      ],
    );
  });

  it("watches one that has halted further, and does not wait for it", async () => {
    const looks = [{ phase: "halted" }, { phase: "completed" }] as const;
    const watching = watched(looks);
    await watching.clock.advance(10_000);
    assert.equal((await watching.end).rollout.phase, "completed");
    const waiting = watched(looks, { isWatched: false, waitMs: 60_000 });
    assert.equal((await waiting.end).rollout.phase, "halted");
  });

  it("ends in time, whatever it does", async () => {
    const { end, clock } = watched([RUNNING], { waitMs: 5_000 });
    await clock.advance(5_000);
    assert.equal((await end).rollout.phase, "running");
  });

  it("waits for a coordinator that is away, but not for one that was never there", async () => {
    const away = new MpoError("unavailable", "connection refused");
    const { end, clock, said } = watched([RUNNING, away, away, { phase: "completed" }]);
    await clock.advance(10_000);
    assert.equal((await end).rollout.phase, "completed");
    assert.ok(said.includes("the coordinator does not answer: connection refused\n"));
    await assert.rejects(watched([away]).end, away);
  });

  it("says on Ctrl-C that the rollout continues", async () => {
    const { end, clock, stop, said } = watched([RUNNING]);
    await clock.advance(1_500);
    stop.abort();
    await assert.rejects(end);
    assert.ok(said.includes("canary continues; see it with: mpo rollout status canary\n"));
  });
});

describe("endWaiting", () => {
  const ended = (more: Partial<RolloutView>): { readonly code: number | undefined; readonly said: string } => {
    let said = "";
    let code: number | undefined;
    const seen: SeenRollout = { rollout: anyRollout(more), serverTimeMs: 1_000_000 };
    const terminal = createTerminal({ write: (text) => (said += text) }, { write: () => true }, []);
    const exitWith = (one: number): void => {
      code = one;
    };
    endWaiting(seen, 60_000, { terminal, exitWith });
    return { code, said };
  };

  it("leaves the exit code of success, and sets others", () => {
    assert.equal(ended({ phase: "finishing" }).code, undefined);
    assert.equal(ended({ phase: "halted" }).code, 9);
    assert.equal(ended({ phase: "rolled-back" }).code, 10);
    assert.match(ended({ phase: "halted" }).said, /canary has been halted .*\nwaits for: wave 2 failed/u);
  });

  it("throws where it is still under way", () => {
    assert.throws(
      () => ended({ phase: "running" }),
      /^MpoError: canary is still running after 1 min 00 s; it waits for/u,
    );
  });
});
