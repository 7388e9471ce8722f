import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./test-room.mjs";

const SETUP = fileURLToPath(new URL("./setup.mjs", import.meta.url));

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function setup(args, env = {}) {
  return spawnSync(process.execPath, [SETUP, ...args], { encoding: "utf8", env: { ...process.env, ...env } });
}

test("--help tells options and environment and does nothing", (t) => {
  const { status, stdout } = setup(["--help"], { MPO_CACHE: join(temporaryFolder(t), "c") });
  assert.equal(status, 0);
  for (const word of ["--quiet", "--verify", "--skip-data", "--skip-tensorflow", "MPO_CACHE", "MPO_TENSORFLOW_WHEEL"]) {
    assert.ok(stdout.includes(word), word);
  }
});

test("with nothing to do it is calm, and silent with --quiet", () => {
  const args = ["--skip-data", "--skip-tensorflow", "--skip-nats", "--skip-prometheus", "--skip-chromium"];
  const { status, stdout, stderr } = setup(args);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  assert.match(stdout, /^set-up: everything is in place \(.* s\)\n$/u);
  assert.deepEqual(
    [setup([...args, "--quiet"])].map(({ status, stdout, stderr }) => [status, stdout, stderr]),
    [[0, "", ""]],
  );
});

test("--quiet leaves standard output to the command that follows, also when there is work", (t) => {
  const folder = temporaryFolder(t);
  const wheel = join(folder, "bad.whl");
  writeFileSync(wheel, "no wheel");
  const env = { MPO_CACHE: join(folder, "cache"), MPO_TENSORFLOW_WHEEL: wheel };
  const { status, stdout, stderr } = setup(["--skip-data", "--quiet"], env);
  assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
  assert.match(stderr, /^set-up: reading bad\.whl[\s\S]*is not a wheel/u);
});

for (const { title, args = [], env = {}, says } of [
  { title: "an unknown option", args: ["--fast"], says: /Unknown option '--fast'/u },
  {
    title: "nothing on the PATH",
    env: { PATH: "/nowhere" },
    says: /things are missing[\s\S]*no pip found[\s\S]*Fix:/u,
  },
  {
    title: "a cache folder that is a file",
    env: { MPO_CACHE: join(SETUP, "cache") },
    says: /is a file, not a folder/u,
  },
]) {
  test(`one message with a fix and exit code 1: ${title}`, (t) => {
    const folder = temporaryFolder(t);
    const run = setup(args, { MPO_CACHE: join(folder, "cache"), MPO_TENSORFLOW_WHEEL: "", ...env });
    assert.equal(run.status, 1);
    assert.equal(run.stdout, "");
    assert.match(run.stderr, /^mpoptimizer set-up: /u);
    assert.equal(run.stderr.match(/ {2}Fix: /gu)?.length, 1);
    assert.match(run.stderr, says);
  });
}
