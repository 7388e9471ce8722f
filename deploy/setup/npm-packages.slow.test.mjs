import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { contextIn, temporaryFolder, writeProgram, writeTree } from "./test-room.mjs";

/**
 * A checkout with one workspace, whose install script leaves a mark where it runs.
 * @param {string} folder
 * @param {{ dependencies?: Record<string, string>, locked?: object }} [options]
 */
function checkout(folder, { dependencies = {}, locked = {} } = {}) {
  const root = { name: "r", version: "1.0.0", workspaces: ["packages/w"] };
  const workspace = { name: "w", version: "1.0.0", scripts: { postinstall: "node -e \"fs.writeFileSync('ran','')\"" } };
  const lock = {
    ...{ name: "r", version: "1.0.0", lockfileVersion: 3, requires: true },
    packages: {
      "": { ...root, dependencies },
      "node_modules/w": { resolved: "packages/w", link: true },
      "packages/w": { name: "w", version: "1.0.0", hasInstallScript: true },
      ...locked,
    },
  };
  writeTree(folder, {
    "package.json": JSON.stringify({ ...root, dependencies }),
    "package-lock.json": JSON.stringify(lock),
    "packages/v/package.json": JSON.stringify({ name: "v", version: "1.0.0" }),
    "packages/w/package.json": JSON.stringify(workspace),
  });
}

test("packages are installed when needed, and install scripts are not run", async (t) => {
  const folder = temporaryFolder(t);
  checkout(folder);
  const context = contextIn(folder);
  assert.equal((await ensureNpmPackages(context)).fresh, true);
  assert.equal(existsSync(join(folder, "packages/w/ran")), false);
  // In step: npm is not even looked for.
  const withoutNpm = { ...context, env: { PATH: "/nowhere" } };
  assert.equal((await ensureNpmPackages(withoutNpm)).fresh, false);
  rmSync(join(folder, "node_modules/.mpo-packages.json"));
  assert.equal((await ensureNpmPackages(withoutNpm)).fresh, false, "what npm itself noted counts too");

  rmSync(join(folder, "node_modules/w"));
  assert.equal((await ensureNpmPackages(context)).fresh, true, "a package that is gone is installed again");
  rmSync(join(folder, "node_modules/.package-lock.json"));
  writeFileSync(join(folder, "node_modules/.mpo-packages.json"), "{");
  assert.equal((await ensureNpmPackages(context)).fresh, true, "an unfinished installation is repeated");
});

test("npm's own cache is cleared of damaged files when a hash is wrong", async (t) => {
  const folder = temporaryFolder(t);
  checkout(folder);
  const npm = `
    const { existsSync, mkdirSync, writeFileSync } = require("node:fs");
    const [verb, other] = process.argv.slice(2);
    if (verb === "cache" && other === "verify") writeFileSync("verified", "");
    else if (!existsSync("verified")) { console.error("npm error code EINTEGRITY"); process.exit(1); }
    else { mkdirSync("node_modules"); writeFileSync("node_modules/.package-lock.json", '{"packages":{}}'); }`;
  writeProgram(join(folder, "bin"), "npm", npm);
  const context = contextIn(folder, { env: { PATH: join(folder, "bin") } });
  assert.equal((await ensureNpmPackages(context)).fresh, true);
  assert.match(context.said.join("\n"), /wrong hash: clearing npm's cache/u);
});

test("a package of this platform that npm left out in silence is told", async (t) => {
  const folder = temporaryFolder(t);
  const here = { version: "1.0.0", optional: true, os: [process.platform], cpu: [process.arch] };
  const elsewhere = { ...here, os: ["aix"] };
  checkout(folder, { locked: { "node_modules/here": here, "node_modules/elsewhere": elsewhere } });
  writeProgram(join(folder, "bin"), "npm", 'require("node:fs").mkdirSync("node_modules")');
  await assert.rejects(ensureNpmPackages(contextIn(folder, { env: { PATH: join(folder, "bin") } })), {
    name: "SetupFailure",
    message: /^npm ci left out here, which/u,
  });
});

/** @param {string} integrity */
const oneDependency = (integrity) => ({
  dependencies: { ms: "2.1.3" },
  locked: { "node_modules/ms": { version: "2.1.3", integrity } },
});
const INTEGRITY = `sha512-${Buffer.alloc(64).toString("base64")}`;
const MISMATCH =
  "console.error('npm error code EINTEGRITY\\nnpm error sha512-x integrity checksum failed'); process.exit(1)";
const FULL = "console.error('npm error code ENOSPC\\nnpm error nospc no space left on device'); process.exit(1)";
for (const { title, options, npm, path, says } of [
  { title: "no npm", path: "/nowhere", says: /^no npm found/u },
  { title: "no network", options: oneDependency(INTEGRITY), says: /^no network/u },
  {
    title: "a lock file out of step",
    options: { dependencies: { v: "file:packages/v" } },
    says: /do not match/u,
  },
  { title: "wrong hash", npm: MISMATCH, says: /^wrong hash/u },
  { title: "disk full", npm: FULL, says: /^the disk is full/u },
  {
    title: "anything else",
    npm: "console.error('npm error what?'); process.exit(3)",
    says: /npm ci failed[\s\S]*what\?/u,
  },
]) {
  test(`one clear failure: ${title}`, async (t) => {
    const folder = temporaryFolder(t);
    checkout(folder, options);
    if (npm !== undefined) writeProgram(join(folder, "bin"), "npm", npm);
    const env = {
      ...process.env,
      PATH: path ?? [join(folder, "bin"), process.env.PATH].join(delimiter),
      npm_config_registry: "http://127.0.0.1:1/",
      npm_config_cache: join(folder, "npm-cache"),
      npm_config_fetch_retries: "0",
    };
    await assert.rejects(ensureNpmPackages(contextIn(folder, { env })), { name: "SetupFailure", message: says });
    assert.equal(existsSync(join(folder, "node_modules/.mpo-packages.json")), false);
  });
}
