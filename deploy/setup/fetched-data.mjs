/** How the set-up says that data could not be fetched, or are not what is pinned: the same for each set. */
import { failureKind, lastLines } from "./child.mjs";
import { diskFull, SetupFailure } from "./say.mjs";

/**
 * @param {object} fetched
 * @param {string} fetched.program that was to get it, such as `npm`
 * @param {string} fetched.server what it asks, such as `its registry`
 * @param {string} fetched.name of the package
 * @param {string} fetched.byHand how to do without
 * @param {string} output what the program printed
 * @param {string} cache
 * @returns {SetupFailure}
 */
export function fetchFailure({ program, server, name, byHand }, output, cache) {
  const kind = failureKind(output);
  if (kind === "disk-full") return diskFull(cache);
  if (kind === "no-network") {
    return new SetupFailure(
      `no network: ${program} could not reach ${server} to get ${name}.`,
      `connect this machine and run the command again; or ${byHand}`,
    );
  }
  return new SetupFailure(
    `${program} could not get the package ${name}. Its last output:\n${lastLines(output)}`,
    byHand,
  );
}

/**
 * @param {string} what
 * @param {string} found its SHA-256
 * @param {string | undefined} expected
 * @param {string} byHand how to do without
 * @throws {SetupFailure} when they differ
 */
export function requireHash(what, found, expected, byHand) {
  if (found === expected) return;
  throw new SetupFailure(
    `wrong hash: ${what} has the SHA-256 ${found}, expected ${expected}.`,
    `it is damaged, or a registry or proxy has changed it: get it again, or ${byHand}`,
  );
}
