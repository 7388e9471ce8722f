/**
 * A lock between processes, kept as a folder: `<name>.lock/` with one file that names its owner. Taking it is one
 * rename of a prepared folder (which fails on a folder that holds a file), giving it back removes the file and then the
 * empty folder. A dead owner's lock is broken by removing that owner's own file, so that no live owner can lose its
 * lock to a late breaker. An empty lock folder is a free one.
 */
import { randomUUID } from "node:crypto";
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 200;
const HEARTBEAT_MS = 5_000;
/** An owner on another machine (or in another container) is alive as long as its file is this young. */
const SILENT_MS = 120_000;

/**
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string} startTime distinguishes a process from a later one with the same id
 * @property {string} place machine, boot and container the number belongs to
 */

/**
 * Runs `work` while holding the lock.
 * @template T
 * @param {object} options
 * @param {string} options.folder where locks lie; made when missing
 * @param {string} options.name
 * @param {() => Promise<T>} options.work
 * @param {(owner: string) => void} [options.onWait] called once when another owner holds it
 * @param {AbortSignal} [options.signal] ends the waiting
 * @returns {Promise<T>}
 */
export async function withLock({ folder, name, work, onWait, signal }) {
  const token = randomUUID();
  const lock = join(folder, `${name}.lock`);
  const ownerFile = join(lock, `${token}.json`);
  await mkdir(folder, { recursive: true });
  const self = JSON.stringify(await describeProcess(process.pid));
  let told = false;
  while (!(await tryTake(lock, token, self))) {
    const owner = await breakIfDead(lock);
    if (owner === undefined) continue;
    if (!told) onWait?.(owner);
    told = true;
    await sleep(POLL_MS, undefined, { signal });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(ownerFile, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await unlink(ownerFile).catch(() => {});
    await rmdir(lock).catch(() => {});
  }
}

/**
 * @param {string} lock
 * @param {string} token
 * @param {string} self
 * @returns {Promise<boolean>} whether the lock is ours now
 */
async function tryTake(lock, token, self) {
  const prepared = `${lock}.${token}`;
  await mkdir(prepared);
  try {
    await writeFile(join(prepared, `${token}.json`), self);
    await rename(prepared, lock);
    return true;
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === "ENOTEMPTY" || code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(prepared, { recursive: true, force: true });
  }
}

/**
 * Frees the lock when its owner is gone.
 * @param {string} lock
 * @returns {Promise<string | undefined>} the living owner in words; undefined when the lock may be tried at once
 */
async function breakIfDead(lock) {
  const names = await readdir(lock).catch(() => []);
  for (const name of names) {
    const file = join(lock, name);
    const owner = await livingOwner(file);
    if (owner !== undefined) return owner;
    await unlink(file).catch(() => {});
  }
  return undefined;
}

/**
 * @param {string} file
 * @returns {Promise<string | undefined>}
 */
async function livingOwner(file) {
  try {
    const silentMs = Date.now() - (await stat(file)).mtimeMs;
    /** @type {Owner} */
    const owner = JSON.parse(await readFile(file, "utf8"));
    const here = await describeProcess(owner.pid);
    const dead = owner.place === here.place ? owner.startTime !== here.startTime : silentMs > SILENT_MS;
    return dead ? undefined : `process ${owner.pid}`;
  } catch {
    return undefined;
  }
}

/**
 * @param {number} pid
 * @returns {Promise<Owner>} with an empty start time when no such process runs
 */
async function describeProcess(pid) {
  const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const pidSpace = await readlink("/proc/self/ns/pid").catch(() => "");
  return { pid, startTime: await startTime(pid), place: `${hostname()} ${bootId.trim()} ${pidSpace}` };
}

/**
 * @param {number} pid
 * @returns {Promise<string>}
 */
async function startTime(pid) {
  try {
    const fields = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may contain spaces: count from after it.
    const [state, ...others] = fields.slice(fields.lastIndexOf(")") + 2).split(" ");
    // A zombie is a process that ended and whose parent has not yet looked.
    return state === "Z" ? "" : (others[18] ?? "");
  } catch {
    return isRunning(pid) ? "unknown" : "";
  }
}

/**
 * @param {number} pid
 * @returns {boolean}
 */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}
