import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** @typedef {{ dependencies?: object, optionalDependencies?: object, devDependencies?: object }} LockedPackage */

/** @type {{ packages: Record<string, LockedPackage> }} */
const { packages } = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"));

/**
 * Looks for a package as Node would, from a folder upwards.
 * @param {string} from
 * @param {string} name
 * @returns {boolean}
 */
function isLocked(from, name) {
  if (packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`] !== undefined) return true;
  if (from === "") return false;
  return isLocked(from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name);
}

test("the lock file pins every package, also those of other platforms (else npm ci refuses it)", () => {
  const missing = Object.entries(packages).flatMap(
    ([path, { dependencies, optionalDependencies, devDependencies }]) => {
      const development = path.includes("node_modules/") ? {} : devDependencies;
      const names = Object.keys({ ...dependencies, ...optionalDependencies, ...development });
      return names.filter((name) => !isLocked(path, name)).map((name) => `${path}: ${name}`);
    },
  );
  assert.deepEqual(missing, [], "take a version that the registry holds whole, then `npm install --ignore-scripts`");
});
