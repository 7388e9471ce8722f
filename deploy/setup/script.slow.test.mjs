import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const DEPLOY = join(import.meta.dirname, "..");

for (const script of [
  "release/release.mjs",
  "install-test/install-test.mjs",
  "install-test/arm64-test.mjs",
  "systemd-test/main.mjs",
  "wheels/test-wheels.mjs",
]) {
  /** @param {string[]} args */
  const run = (...args) => spawnSync(process.execPath, [join(DEPLOY, script), ...args], { encoding: "utf8" });

  test(`${script} says how it is used, and refuses what it does not know`, () => {
    const help = run("--help");
    assert.deepEqual([help.status, help.stderr], [0, ""]);
    assert.match(help.stdout, /^usage: npm run [a-z:0-9]+ -- \[[\s\S]*\n {2}--help +print this/u);
    const unknown = run("--nope");
    assert.equal(unknown.status, 1);
    assert.match(
      unknown.stderr,
      /^mpoptimizer [a-z0-9]+: Unknown option '--nope'\.\n {2}Fix: usage: npm run [^\n]*\n$/u,
    );
  });
}

test("a choice that is not known is answered with the choices", () => {
  const args = [join(DEPLOY, "release/release.mjs"), "--arch", "riscv"];
  const { stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.deepEqual(
    [status, stderr],
    [1, "mpoptimizer release: --arch riscv is not known.\n  Fix: choose from amd64, arm64.\n"],
  );
});
