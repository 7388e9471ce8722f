/**
 * TensorFlow's C library and headers, taken from the Python wheel on PyPI: the wheel is the one place where current
 * builds for x86_64 and aarch64 are kept, and the owner of a Jetson can name NVIDIA's wheel instead.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureArtefact, exists, hashFile, writeAtomically } from "./cache.mjs";
import { failureKind, findProgram, lastLines, runChild } from "./child.mjs";
import { diskFull, megabytes, SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */
/**
 * A wheel with its hash known in advance.
 * @typedef {object} PinnedWheel
 * @property {string} requirement the package and version, as pip writes them
 * @property {string} pipPlatform pip's name of the platform
 * @property {string} sha256
 * @property {number} bytes size of the wheel
 */

/** @type {Readonly<Record<string, PinnedWheel>>} */
export const PINNED_WHEELS = {
  "linux-x64": {
    requirement: "tensorflow-cpu==2.15.1",
    pipPlatform: "manylinux2014_x86_64",
    sha256: "54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26",
    bytes: 207_208_420,
  },
  "linux-arm64": {
    requirement: "tensorflow-cpu-aws==2.15.1",
    pipPlatform: "manylinux2014_aarch64",
    sha256: "d4c3a3a9363bf42999adedbbd514e3a133be2d62f61fee9cfa46aaefb087c09e",
    bytes: 211_874_120,
  },
};

/** Releases whose wheels were tried, as 2.x; older ones hold no C++ library. */
const [OLDEST_KNOWN, NEWEST_KNOWN] = [12, 21];
export const KNOWN_RELEASES = `TensorFlow 2.${OLDEST_KNOWN} to 2.${NEWEST_KNOWN}`;

/**
 * @param {string} version such as `2.15.1` or `2.16.1+nv24.8`
 * @returns {boolean} whether its wheels were tried
 */
export function isKnownRelease(version) {
  const minor = Number(/^2\.(\d+)\./u.exec(version)?.[1]);
  return minor >= OLDEST_KNOWN && minor <= NEWEST_KNOWN;
}

/** What is kept of a wheel takes about this many times the wheel's own room. */
const UNPACKED_RATIO = 3.2;

/**
 * Makes sure that the library lies in the cache.
 * @param {SetupContext} context `env.MPO_TENSORFLOW_WHEEL` names another wheel file
 * @param {{ pinned?: PinnedWheel }} [options] the wheel to get; the one of this platform when left out
 * @returns {Promise<import("./addon.mjs").TensorflowLibrary & { fresh: boolean, version: string, wheel: string }>} with
 *   TensorFlow's version and the wheel's file name
 */
export async function ensureTensorflowLibrary(context, { pinned = PINNED_WHEELS[platformName()] } = {}) {
  const { env, say } = context;
  const ownWheel = env.MPO_TENSORFLOW_WHEEL ? resolve(env.MPO_TENSORFLOW_WHEEL) : undefined;
  const chosen = ownWheel === undefined ? pinned : await readOwnWheel(context, ownWheel);
  if (chosen === undefined) throw unknownPlatform();
  const wheelSha256 = chosen.sha256;
  // pip writes the wheel twice, first into its own temporary folder.
  const downloadBytes = ownWheel === undefined ? 2 * chosen.bytes : 0;
  const { folder, facts, fresh } = await ensureArtefact(context, {
    name: `tensorflow/${ownWheel === undefined ? "" : "own-"}${wheelSha256}`,
    label: "TensorFlow's library",
    roomBytes: downloadBytes + UNPACKED_RATIO * chosen.bytes,
    build: async (staging) => {
      const download = join(staging, "download");
      const wheel = ownWheel ?? (await downloadWheel(context, /** @type {PinnedWheel} */ (pinned), download));
      const version = await unpack(context, wheel, staging);
      await rm(download, { recursive: true, force: true });
      return { wheel: basename(wheel), wheelSha256, version };
    },
  });
  if (fresh) say.work(`TensorFlow's library is in place (${facts.wheel})`);
  const ownVersion = ownWheel === undefined ? undefined : facts.version;
  const { version = "", wheel = "" } = facts;
  const folders = { libFolder: join(folder, "lib"), includeFolder: join(folder, "include") };
  return { ...folders, wheelSha256, ownVersion, fresh, version, wheel };
}

/** @returns {string} such as `linux-x64` */
export function platformName() {
  return `${process.platform}-${process.arch}`;
}

/** @returns {SetupFailure} */
function unknownPlatform() {
  return new SetupFailure(
    `no TensorFlow library is known for this platform (${platformName()}; known: ${Object.keys(PINNED_WHEELS).join(", ")}).`,
    "use 64-bit Linux (a container will do), name a wheel for this platform in MPO_TENSORFLOW_WHEEL, or pass --skip-tensorflow on a host that only runs a coordinator.",
  );
}

/**
 * Size and hash of the user's own wheel; the hash is read once and then remembered by size and time.
 * @param {SetupContext} context
 * @param {string} wheel
 * @returns {Promise<{ sha256: string, bytes: number }>}
 */
async function readOwnWheel({ cache, say, signal, verify }, wheel) {
  const found = await stat(wheel).catch(() => undefined);
  if (!found?.isFile() || !wheel.endsWith(".whl")) {
    throw new SetupFailure(
      `MPO_TENSORFLOW_WHEEL names ${wheel}, which is ${found ? "not a wheel file (.whl)" : "not there"}.`,
      "point it at a TensorFlow wheel file, or unset it to use the wheel from PyPI.",
    );
  }
  const bytes = found.size;
  const memory = join(cache, "own-wheels.json");
  /** @type {Record<string, { bytes: number, mtimeMs: number, sha256: string }>} */
  const known = await readFile(memory, "utf8")
    .then(JSON.parse)
    .catch(() => ({}));
  const before = known[wheel];
  if (!verify && before?.bytes === bytes && before.mtimeMs === found.mtimeMs) return { sha256: before.sha256, bytes };
  say.work(`reading ${basename(wheel)} (${megabytes(bytes)})`);
  const sha256 = await hashFile(wheel, signal);
  await mkdir(cache, { recursive: true });
  await writeAtomically(memory, JSON.stringify({ ...known, [wheel]: { bytes, mtimeMs: found.mtimeMs, sha256 } }));
  return { sha256, bytes };
}

/** What a wheel is for, and how to do without pip, for messages. */
const TENSORFLOW_WHEEL = {
  label: "TensorFlow's wheel",
  byHand: "download the wheel yourself and name it in MPO_TENSORFLOW_WHEEL",
};

/**
 * @param {SetupContext} context
 * @param {PinnedWheel} pinned
 * @param {string} folder made here
 * @param {{ label: string, byHand: string }} [words]
 * @returns {Promise<string>} the wheel's path
 */
export async function downloadWheel({ cache, env, say, signal }, pinned, folder, words = TENSORFLOW_WHEEL) {
  const pip = await findPip(env);
  say.work(`downloading ${words.label} ${pinned.requirement} (${megabytes(pinned.bytes)}) with pip`);
  const temporary = join(folder, "tmp");
  await mkdir(temporary, { recursive: true });
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${pinned.requirement} --hash=sha256:${pinned.sha256}\n`);
  const watch = setInterval(() => {
    folderBytes(folder).then(
      (bytes) => say.progress(`${megabytes(Math.min(bytes, pinned.bytes))} of ${megabytes(pinned.bytes)}`),
      () => {},
    );
  }, 1_000);
  try {
    const result = await runChild(
      pip.command,
      [
        ...pip.args,
        ...[
          "download",
          "--no-deps",
          "--only-binary=:all:",
          "--python-version=3.11",
          "--implementation=cp",
          "--abi=cp311",
        ],
        ...[
          `--platform=${pinned.pipPlatform}`,
          "--require-hashes",
          `--requirement=${requirements}`,
          `--dest=${folder}`,
        ],
        ...["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"],
      ],
      // pip's own temporary folder is kept in the cache too: /tmp is often a small disk in memory.
      { env: { ...env, TMPDIR: temporary, PYTHONWARNINGS: "ignore", PIP_REQUIRE_VIRTUALENV: "0" }, signal },
    );
    if (result.code !== 0) {
      throw downloadFailure(`${result.stdout}\n${result.stderr}`, pinned, cache, words.byHand);
    }
  } finally {
    clearInterval(watch);
  }
  const name = (await readdir(folder)).find((entry) => entry.endsWith(".whl"));
  if (name === undefined) throw downloadFailure("pip left no wheel", pinned, cache, words.byHand);
  const wheel = join(folder, name);
  if ((await hashFile(wheel, signal)) !== pinned.sha256) throw wrongHash(pinned, words.byHand);
  return wheel;
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ command: string, args: string[] }>}
 * @throws {SetupFailure} when there is no pip
 */
export async function findPip(env) {
  const candidates = [
    { program: "python3", args: ["-m", "pip"] },
    { program: "python", args: ["-m", "pip"] },
    { program: "pip3", args: [] },
    { program: "pip", args: [] },
  ];
  for (const { program, args } of candidates) {
    const command = await findProgram(program, env);
    if (command === undefined) continue;
    const { code, stdout } = await runChild(command, [...args, "--version"], { env });
    if (code === 0 && stdout.includes("pip ")) return { command, args };
  }
  throw new SetupFailure(
    "no pip found (tried `python3 -m pip`, `pip3`); it downloads TensorFlow's library from PyPI.",
    "install it (Debian, Ubuntu: `sudo apt-get install python3-pip`; Fedora: `sudo dnf install python3-pip`), or name a downloaded wheel in MPO_TENSORFLOW_WHEEL.",
  );
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>}
 * @throws {SetupFailure} when there is no Python
 */
export async function findPython(env) {
  const python = (await findProgram("python3", env)) ?? (await findProgram("python", env));
  if (python !== undefined) return python;
  throw new SetupFailure(
    "no python3 found; it unpacks TensorFlow's wheel.",
    "install it (Debian, Ubuntu: `sudo apt-get install python3`; Fedora: `sudo dnf install python3`).",
  );
}

/**
 * @param {string} output what pip printed
 * @param {PinnedWheel} pinned
 * @param {string} cache
 * @param {string} byHand
 * @returns {SetupFailure}
 */
function downloadFailure(output, pinned, cache, byHand) {
  if (/do not match the hashes|hash mismatch/iu.test(output)) return wrongHash(pinned, byHand);
  const kind = failureKind(output);
  if (kind === "disk-full") return diskFull(cache);
  if (kind === "no-network") {
    return new SetupFailure(
      `no network: pip could not reach PyPI to get ${pinned.requirement}.`,
      `connect this machine (or set HTTPS_PROXY, or PIP_INDEX_URL for a mirror) and run the command again; or ${byHand}.`,
    );
  }
  return new SetupFailure(
    `pip could not download ${pinned.requirement}. Its last output:\n${lastLines(output)}`,
    `see what pip says above (\`python3 -m pip --version\` should be 20.3 or later); or ${byHand}.`,
  );
}

/**
 * @param {PinnedWheel} pinned
 * @param {string} byHand
 * @returns {SetupFailure}
 */
function wrongHash(pinned, byHand) {
  return new SetupFailure(
    `wrong hash: the download for ${pinned.requirement} is not the pinned file (SHA-256 ${pinned.sha256}).`,
    `run the command again; if this persists, the mirror or proxy in between changes files: use another one (PIP_INDEX_URL), or ${byHand}.`,
  );
}

/**
 * @param {SetupContext} context
 * @param {string} wheel
 * @param {string} staging
 * @returns {Promise<string>} TensorFlow's version
 */
async function unpack({ cache, env, say, signal }, wheel, staging) {
  const python = await findPython(env);
  say.work(`unpacking ${basename(wheel)}`);
  const script = fileURLToPath(new URL("./unpack-wheel.py", import.meta.url));
  let version = "";
  const result = await runChild(python, [script, wheel, staging], {
    env,
    signal,
    onLine: (line) => {
      if (line.startsWith("version ")) version = line.slice("version ".length);
      const [done, total] = line.split(" ").map(Number);
      if (done && total) say.progress(`${megabytes(done)} of ${megabytes(total)} unpacked`);
    },
  });
  if (result.code === 0) return version;
  if (failureKind(result.stderr) === "disk-full") throw diskFull(cache);
  throw new SetupFailure(
    `TensorFlow's wheel could not be unpacked: ${result.stderr.trim()}.`,
    `a wheel of ${KNOWN_RELEASES} that is complete is needed: download it again, or unset MPO_TENSORFLOW_WHEEL to use the one from PyPI.`,
  );
}

/**
 * @param {string} folder
 * @returns {Promise<number>} bytes of the largest file below it: the wheel while pip writes it
 */
async function folderBytes(folder) {
  let most = 0;
  for (const entry of await readdir(folder, { recursive: true })) {
    const path = join(folder, entry);
    if (await exists(path)) most = Math.max(most, (await stat(path)).size);
  }
  return most;
}
