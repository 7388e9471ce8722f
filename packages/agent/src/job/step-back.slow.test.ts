import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { extname } from "node:path";
import { describe, it } from "node:test";

/** Of Linux: `SCHED_OTHER` and `SCHED_IDLE` in /proc/PID/stat. */
const OTHER = "0";
const IDLE = "5";

/** Runs `stepBack` in a process of its own, and in a child of it asks what that process has become. */
function afterStepBack(share: string, path: string | undefined): Readonly<Record<string, string>> {
  const entry = new URL(`./step-back${extname(import.meta.url)}`, import.meta.url).href;
  const ask = `
    const { readFileSync } = require("node:fs");
    const fields = readFileSync("/proc/self/stat", "utf8").replace(/^.*\\) /u, "").split(" ");
    const score = readFileSync("/proc/self/oom_score_adj", "utf8").trim();
    process.stdout.write(JSON.stringify({ policy: fields[38], nice: fields[16], score }));`;
  const script = `
    import { spawnSync } from "node:child_process";
    import { stepBack } from ${JSON.stringify(entry)};
    stepBack(${JSON.stringify(share)});
    const asked = spawnSync(process.execPath, ["-e", ${JSON.stringify(ask)}], { encoding: "utf8" });
    process.stdout.write(asked.stdout || asked.stderr);`;
  const args = [...process.execArgv, "--input-type=module", "-e", script];
  const env = { ...process.env, ...(path === undefined ? {} : { PATH: path }) };
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: import.meta.dirname, env });
  return JSON.parse(stdout || JSON.stringify({ failed: stderr })) as Readonly<Record<string, string>>;
}

describe("a job steps back", { skip: process.platform !== "linux" ? "not Linux" : false }, () => {
  it("behind every other program, with all that it starts", () => {
    const { policy, score, nice } = afterStepBack("leftover", undefined);
    assert.equal(score, "900");
    assert.ok(policy === IDLE || nice === "19", `policy ${policy}, nice ${nice}`);
  });

  it("by its nice value where there is no chrt", () => {
    const { policy, nice } = afterStepBack("leftover", "/nowhere");
    assert.deepEqual([policy, nice], [OTHER, "19"]);
  });

  it("only for the memory killer when it may compute as much as others", () => {
    const own = afterStepBack("equal", undefined);
    assert.equal(own["score"], "900");
    assert.equal(own["policy"], OTHER);
  });
});
