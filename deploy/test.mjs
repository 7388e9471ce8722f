/**
 * The whole check of the repository, in order: types, format and lint, promise rules, tests. Every check runs even when
 * an earlier one fails, and the tests come last, so that the output ends with the test runner's own summary.
 *
 * Tests whose file is called *.slow.test.* start processes, load TensorFlow or want nats-server: `--fast` leaves them out.
 *
 * usage: node deploy/test.mjs [--fast] [PART-OF-A-FILE-NAME]... [--OPTION-OF-NODE-TEST]...
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheRoot } from "./setup/cache.mjs";
import { BY_HAND, findChromium } from "./setup/chromium.mjs";
import { hasNatsServer } from "./setup/nats-server.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OTHER_FOLDERS = new Set(["node_modules", "dist", "gen"]);
/** A test that hangs must not hang the whole: far beyond what any test takes, on slow cores too. */
const HANG_MS = 480_000;

const CHECKS = [
  { label: "type check", args: ["node_modules/typescript/bin/tsc", "-b"] },
  { label: "the console's page", args: ["packages/console/bundle.mjs"] },
  { label: "type check of the set-up", args: ["node_modules/typescript/bin/tsc", "-p", "deploy"] },
  { label: "format and lint", args: ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings"] },
  { label: "promise rules", args: ["node_modules/oxlint/bin/oxlint", "--type-aware"] },
];

/**
 * @param {string} folder
 * @param {RegExp} pattern of whole file names
 * @returns {string[]} matching files below the folder, relative to the checkout, sorted
 */
function testFiles(folder, pattern) {
  const absolute = join(ROOT, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return OTHER_FOLDERS.has(entry.name) ? [] : testFiles(path, pattern);
      return pattern.test(entry.name) ? [path] : [];
    })
    .sort();
}

/**
 * @param {readonly string[]} args Node's command line
 * @returns {Promise<number>} exit code
 */
function runNode(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/**
 * Tests of packages run from what the type check has just built, as the product does: a test file and each of the worker
 * processes that it starts then load in a fraction of the time.
 *
 * @param {string} file
 * @returns {string}
 */
function builtFile(file) {
  return file.replace(/^(packages\/[^/]+)\/src\/(.*)\.ts$/u, "$1/dist/$2.js");
}

/** The slow ones come first: a slow one that begins last keeps everything waiting. */
function bySlowness(/** @type {string} */ left, /** @type {string} */ right) {
  return Number(isSlow(right)) - Number(isSlow(left));
}

function isSlow(/** @type {string} */ file) {
  return file.includes(".slow.test.");
}

const isFast = process.argv.includes("--fast");
const options = process.argv.slice(2).filter((argument) => argument.startsWith("-") && argument !== "--fast");
const filters = process.argv
  .slice(2)
  .filter((argument) => !argument.startsWith("-"))
  // A shell completes paths from where it stands.
  .map((argument) => (existsSync(argument) ? relative(ROOT, argument) : argument));
const packages = readdirSync(join(ROOT, "packages")).sort();
const files = [
  ...packages.flatMap((name) => testFiles(join("packages", name, "src"), /\.test\.ts$/u)),
  ...testFiles("deploy", /\.test\.mjs$/u),
  ...testFiles("test", /\.test\.ts$/u),
]
  .filter((file) => !(isFast && isSlow(file)))
  .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
  .toSorted(bySlowness);

const failed = [];
for (const { label, args } of CHECKS) {
  console.log(`\n== ${label}`);
  if ((await runNode(args)) !== 0) failed.push(label);
}
if (files.length === 0) {
  console.error(filters.length === 0 ? "there are no tests" : `no test file's name holds ${filters.join(" or ")}`);
  failed.push("tests");
}
const guard = isFast ? ["--import", "./deploy/no-processes.mjs"] : [];
const runner = [
  ...guard,
  "--test",
  "--test-concurrency=3",
  "--test-reporter=spec",
  `--test-timeout=${HANG_MS}`,
  ...options,
];
const isOfPackage = (/** @type {string} */ file) => file.startsWith("packages");
const whole = files.filter((file) => !isOfPackage(file));
const built = files.filter(isOfPackage).map(builtFile);
for (const { label, args, list } of [
  { label: "whole-system and set-up tests", args: ["--import", "tsx", ...runner, ...whole], list: whole },
  { label: "tests of packages", args: ["--enable-source-maps", ...runner, ...built], list: built },
].filter(({ list }) => list.length > 0)) {
  console.log(`\n== ${label} (${list.length} files)`);
  if ((await runNode(args)) !== 0) failed.push(label);
}
// A summary that says "skipped 40" is easily read past.
if (!isFast && !(await hasNatsServer({ cache: cacheRoot(process.env), env: process.env }))) {
  console.error("\nNOT TESTED: whatever needs nats-server, for there is none (those tests were skipped).");
  console.error("  To get it: install Go and run `npm run setup -- --with-nats`, which says what else will do.");
}
if (!isFast && (await findChromium(process.env)) === undefined) {
  console.error("\nNOT TESTED: the console in a browser, for there is none (those tests were skipped).");
  console.error(`  To get one: ${BY_HAND}`);
}
if (failed.length > 0) {
  console.error(`\nFAILED: ${failed.join(", ")}`);
  process.exitCode = 1;
}
