/**
 * The engine's gradient and memory tests on arm64: on this machine where it is one, else emulated (qemu-user with
 * binfmt_misc, in a Debian 12 of its own). They run with what the packages install: their Node, library and addon.
 * Emulated, tests that read the process's resident memory are skipped, and those of the pool's limit run.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MACHINES } from "../release/facts.mjs";
import { runTool } from "../release/tools.mjs";
import { runChild } from "../setup/child.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { runScript } from "../setup/script.mjs";
import { inSystem, unpackDebian, whyNotHere } from "./debian-root.mjs";
import { installPackages, sayVersions } from "./packages.mjs";
import { placeTests, TEST_FOLDER } from "./placed-tests.mjs";

const USAGE = `usage: npm run test:arm64 -- [--packages FOLDER] [PART-OF-A-FILE-NAME]...

Runs the engine's gradient and memory tests with what the packages for arm64 install. Needs root; without parts of names, all.

  --packages FOLDER  a release that is there (default: one is built)
  --help             print this`;
/** Each operation's gradient, whole models', a step's memory against its plan, and limits that hold. */
const TESTS = [
  "engine/dist/ops/op-gradients.slow.test.js",
  "engine/dist/ops/batch-norm.slow.test.js",
  "engine/dist/losses/loss.slow.test.js",
  "engine/dist/compiler/model-gradients.slow.test.js",
  "engine/dist/compiler/config-equivalence.slow.test.js",
  "engine/dist/probe/pool-cap.slow.test.js",
  "engine/dist/worker/worker-memory.slow.test.js",
  "engine/dist/worker/planned-memory.slow.test.js",
];
/** They compare what the kernel counts for a process (VmRSS, VmHWM) with what was planned. */
const READ_RESIDENT = ["planned-memory", "worker-memory"];
const NOT_EMULATED =
  "under qemu-user the kernel counts the emulator's memory, with all code that it has translated (Node alone: 89 MiB instead of 39), so that a step which trains within 400 MiB is ended as over its cap; it runs on an arm64 machine";
/** A test of seconds takes minutes when each instruction is translated. */
const HANG_MS = 2 * 3_600_000;

/**
 * @param {import("../setup/cache.mjs").SetupContext} context
 * @param {string} system
 * @param {string} file
 * @returns {Promise<boolean>} whether it passed
 */
async function runTest({ env, say }, system, file) {
  const started = Date.now();
  const node = "/usr/lib/mpo/node/bin/node";
  const command = [
    node,
    "--enable-source-maps",
    "--test",
    `--test-timeout=${HANG_MS}`,
    "--test-reporter=tap",
    `${TEST_FOLDER}/packages/${file}`,
  ];
  const [program = "", ...args] = inSystem(system, command);
  const { code, stdout } = await runChild(program, args, { env: { PATH: env.PATH, HOME: "/root", LANG: "C.UTF-8" } });
  const seconds = Math.round((Date.now() - started) / 1000);
  const count = (/** @type {string} */ what) => new RegExp(`^# ${what} (\\d+)$`, "mu").exec(stdout)?.[1] ?? "?";
  say.work(`${file}: ${count("pass")} passed, ${count("fail")} failed, ${count("skipped")} skipped (${seconds} s)`);
  if (code !== 0) process.stdout.write(`${stdout}\n`);
  return code === 0;
}

const machine = MACHINES.arm64;
const script = {
  name: "arm64",
  usage: USAGE,
  options: /** @type {const} */ ({ packages: { type: "string" } }),
  takesNames: true,
};
await runScript(script, async (context, values, positionals) => {
  const { root, say } = context;
  const reason = await whyNotHere(context, machine);
  if (reason !== undefined) say.work(`skipped: ${reason}`);
  else {
    const folder = await mkdtemp(join(tmpdir(), "mpo-arm64-"));
    try {
      const packages = resolve(values.packages ?? join(folder, "packages"));
      const release = join(root, "deploy/release/release.mjs");
      if (values.packages === undefined) {
        say.work("building the packages");
        await runTool(context, process.execPath, [release, "--only", "debian", "--arch", "arm64", "--out", packages]);
      }
      const system = join(folder, "board");
      await unpackDebian(context, machine, system);
      await installPackages(context, system, packages, machine, ["mpo", "mpo-engine"]);
      await sayVersions(context, system);
      await placeTests(context, system);
      const failed = [];
      const wanted = TESTS.filter(
        (file) => positionals.length === 0 || positionals.some((part) => file.includes(part)),
      );
      let skipped = 0;
      for (const file of wanted) {
        if (process.arch !== machine.node && READ_RESIDENT.some((part) => file.includes(part))) {
          skipped += 1;
          say.work(`${file}: skipped: ${NOT_EMULATED}`);
        } else if (!(await runTest(context, system, file))) failed.push(file);
      }
      if (failed.length > 0) throw new SetupFailure(`failed on arm64: ${failed.join(", ")}`, "see their output above.");
      say.work(`${wanted.length - skipped} test files passed, ${skipped} skipped`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
});
