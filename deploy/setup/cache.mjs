/**
 * The per-user cache of the set-up. Every artefact is a folder that appears complete or not at all: it is made in a
 * staging folder, given a stamp that records each file's size, modification time and SHA-256, and renamed into place.
 * A later run compares sizes and times only; hashes are read again when those differ, or when asked.
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { withLock } from "./lock.mjs";
import { diskFull, megabytes } from "./say.mjs";

const STAMP_FILE = "stamp.json";

/** @typedef {{ bytes: number, mtimeMs: number, sha256: string }} FileStamp */
/** @typedef {{ facts: Record<string, string>, files: Record<string, FileStamp> }} Stamp */

/**
 * What every step of the set-up is given.
 * @typedef {object} SetupContext
 * @property {string} root the checkout
 * @property {string} cache the cache folder
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} verify read every hash again
 * @property {import("./say.mjs").Say} say
 * @property {AbortSignal} [signal]
 */

/**
 * The cache folder: `MPO_CACHE`, else `mpoptimizer` under `XDG_CACHE_HOME`, else under `~/.cache`.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} absolute path
 */
export function cacheRoot(env) {
  if (env.MPO_CACHE) return resolve(env.MPO_CACHE);
  // The XDG rules say that a relative path there is to be ignored.
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(homedir(), ".cache");
  return join(base, "mpoptimizer");
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} SHA-256, hex
 */
export async function hashFile(path, signal) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}

/**
 * Writes a file so that a reader sees the old or the new content, never a part.
 * @param {string} path
 * @param {string | Uint8Array} content
 */
export async function writeAtomically(path, content) {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * @param {string} folder
 * @returns {Promise<string[]>} every file below it, relative, sorted
 */
export async function filesBelow(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/**
 * @param {string} folder
 * @param {Record<string, string>} facts kept beside the hashes
 * @param {AbortSignal} [signal]
 */
async function writeStamp(folder, facts, signal) {
  /** @type {Stamp} */
  const stamp = { facts, files: {} };
  for (const file of await filesBelow(folder)) {
    const { size, mtimeMs } = await stat(join(folder, file));
    stamp.files[file] = { bytes: size, mtimeMs, sha256: await hashFile(join(folder, file), signal) };
  }
  await writeAtomically(join(folder, STAMP_FILE), JSON.stringify(stamp, undefined, 1));
}

/**
 * Looks whether a stamped folder still holds what its stamp says.
 * @param {string} folder
 * @param {{ verify: boolean, signal?: AbortSignal }} options
 * @returns {Promise<{ stamp: Stamp } | { flaw: string }>} the flaw is empty when there is no such folder
 */
export async function checkFolder(folder, { verify, signal }) {
  /** @type {Stamp} */
  let stamp;
  try {
    stamp = JSON.parse(await readFile(join(folder, STAMP_FILE), "utf8"));
    if (!isStamp(stamp)) return { flaw: "its stamp is unreadable" };
  } catch {
    return { flaw: (await exists(folder)) ? "its stamp is missing or unreadable" : "" };
  }
  let touched = false;
  for (const [file, expected] of Object.entries(stamp.files)) {
    const found = await stat(join(folder, file)).catch(() => undefined);
    if (found === undefined) return { flaw: `${file} is missing` };
    if (found.size !== expected.bytes) return { flaw: `${file} has the wrong size` };
    if (!verify && found.mtimeMs === expected.mtimeMs) continue;
    if ((await hashFile(join(folder, file), signal)) !== expected.sha256) return { flaw: `${file} has the wrong hash` };
    touched ||= found.mtimeMs !== expected.mtimeMs;
    expected.mtimeMs = found.mtimeMs;
  }
  if (touched) await writeAtomically(join(folder, STAMP_FILE), JSON.stringify(stamp, undefined, 1));
  return { stamp };
}

/**
 * @param {any} stamp what the stamp file holds
 * @returns {boolean} whether it says something about at least one file
 */
function isStamp(stamp) {
  const files = Object.values(stamp?.files ?? {});
  return (
    typeof stamp?.facts === "object" && files.length > 0 && files.every((file) => typeof file?.sha256 === "string")
  );
}

/**
 * @typedef {object} Artefact
 * @property {string} name folder below the cache, of letters, digits, `-`, `.` and `/`
 * @property {string} label what to call it to the reader
 * @property {number} roomBytes how much disk making it takes at most
 * @property {number} [kept] of those whose names differ after the last `-` alone, the last used so many stay
 * @property {(staging: string) => Promise<Record<string, string>>} build fills the empty staging folder, returns facts
 */

/**
 * Makes sure that an artefact lies whole in the cache.
 * @param {SetupContext} context
 * @param {Artefact} artefact
 * @returns {Promise<{ folder: string, facts: Record<string, string>, fresh: boolean }>} fresh: made by this call
 */
export async function ensureArtefact(context, artefact) {
  const found = await findOrMake(context, artefact);
  if (artefact.kept !== undefined) await keepLastUsed(found.folder, artefact.kept);
  return found;
}

/**
 * @param {SetupContext} context
 * @param {Artefact} artefact
 */
async function findOrMake(context, artefact) {
  const { cache, say, signal, verify } = context;
  const folder = join(cache, artefact.name);
  const seen = await checkFolder(folder, { verify, signal });
  if ("stamp" in seen) return { folder, facts: seen.stamp.facts, fresh: false };

  const slug = artefact.name.replaceAll("/", "-");
  return withLock({
    folder: join(cache, "locks"),
    name: slug,
    signal,
    onWait: (owner) => say.work(`waiting for another set-up (${owner}) that is getting ${artefact.label}`),
    work: async () => {
      const again = await checkFolder(folder, { verify: false, signal });
      // A flaw that only the hashes show is not seen by the quick look: then the first finding stands.
      if ("stamp" in again && (!verify || seen.flaw === "")) return { folder, facts: again.stamp.facts, fresh: false };
      if (seen.flaw !== "") say.work(`${artefact.label} in the cache is damaged (${seen.flaw}): making it again`);
      return { folder, facts: await make(context, artefact, slug), fresh: true };
    },
  });
}

/**
 * @param {string} folder one that is used now
 * @param {number} kept
 */
async function keepLastUsed(folder, kept) {
  const now = new Date();
  await utimes(folder, now, now);
  const family = basename(folder).replace(/[^-]*$/u, "");
  const names = (await readdir(dirname(folder))).filter((name) => name.replace(/[^-]*$/u, "") === family);
  const all = await Promise.all(
    names.map(async (name) => {
      const path = join(dirname(folder), name);
      // Another run may have removed it.
      return { path, usedMs: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 };
    }),
  );
  for (const { path } of all.sort((one, other) => other.usedMs - one.usedMs).slice(kept)) {
    await rm(path, { recursive: true, force: true });
  }
}

/**
 * @param {SetupContext} context
 * @param {Artefact} artefact
 * @param {string} slug
 * @returns {Promise<Record<string, string>>}
 */
async function make({ cache, signal }, artefact, slug) {
  const work = join(cache, "tmp");
  await mkdir(work, { recursive: true });
  // We hold the lock: whatever lies here under our name was left by a run that was killed.
  for (const left of await readdir(work)) {
    if (left.startsWith(`${slug}@`)) await rm(join(work, left), { recursive: true, force: true });
  }
  await requireRoom(work, artefact.roomBytes);
  const staging = join(work, `${slug}@${randomUUID()}`);
  const replaced = `${staging}.replaced`;
  try {
    await mkdir(staging);
    const facts = await artefact.build(staging);
    await writeStamp(staging, facts, signal);
    const target = join(cache, artefact.name);
    await mkdir(join(target, ".."), { recursive: true });
    await rename(target, replaced).catch(ignoreMissing);
    await rename(staging, target);
    return facts;
  } finally {
    await rm(staging, { recursive: true, force: true });
    await rm(replaced, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {number} bytes
 * @param {(folder: string, detail: string) => import("./say.mjs").SetupFailure} [failure]
 * @throws {import("./say.mjs").SetupFailure} when the disk has less room
 */
export async function requireRoom(folder, bytes, failure = diskFull) {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes < bytes) throw failure(folder, `${megabytes(freeBytes)} free, ${megabytes(bytes)} needed`);
}

/** @param {NodeJS.ErrnoException} error */
function ignoreMissing(error) {
  if (error.code !== "ENOENT") throw error;
}

/**
 * @param {string} path
 * @returns {Promise<boolean>}
 */
export async function exists(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
}
