/**
 * The program `nats-server`, which a coordinator starts as its store and message bus: one that the user has, else built
 * from its pinned source with Go. Go checks the source against its public checksum database.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtefact, exists, filesBelow } from "./cache.mjs";
import { failureKind, findProgram, lastLines, runChild } from "./child.mjs";
import { diskFull, SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */

/** The newest of the oldest release line without known holes: it builds with older Go than later lines. */
export const NATS_VERSION = "2.12.15";
const CACHED_FOLDER = `nats-server/${NATS_VERSION}`;
const MODULE = "github.com/nats-io/nats-server/v2";
/** Older ones let strangers in or lose data; by release line. Keep in step with transport's server-checks.ts. */
const OLDEST = /** @type {const} */ ([
  [2, 12, 12],
  [2, 14, 3],
]);

const OTHERWISE =
  "get nats-server 2.12.12 or later (2.14.3 or later) yourself and put it into PATH or name it in MPO_NATS_SERVER; or run the coordinator with --nats URL.";
const BY_HAND = `install Go (https://go.dev/dl) and run the command again; or ${OTHERWISE}`;

/**
 * @param {string} text what `nats-server --version` prints
 * @returns {boolean} whether it will do
 */
export function isNewEnough(text) {
  const parts = /v?(\d+)\.(\d+)\.(\d+)\s*$/u.exec(text);
  if (parts === null) return false;
  const [major = 0, minor = 0, patch = 0] = parts.slice(1).map(Number);
  const line = OLDEST.find((oldest) => oldest[0] === major && oldest[1] === minor);
  if (line !== undefined) return patch >= line[2];
  return major > 2 || (major === 2 && minor > 14);
}

/**
 * Makes sure that there is a nats-server.
 * @param {SetupContext} context `env.MPO_NATS_SERVER` names one, `env.PATH` may have one
 * @returns {Promise<{ path: string, fresh: boolean }>} fresh: built by this call
 */
export async function ensureNatsServer(context) {
  const own = await ownServer(context);
  if (own !== undefined) return { path: own, fresh: false };
  const { folder, fresh } = await ensureArtefact(context, {
    name: CACHED_FOLDER,
    label: "nats-server",
    roomBytes: 700e6,
    build: async (staging) => {
      await build(context, staging);
      return { version: NATS_VERSION };
    },
  });
  if (fresh) context.say.work(`nats-server ${NATS_VERSION} is in place`);
  return { path: join(folder, "nats-server"), fresh };
}

/**
 * Whether there is one already, the user's own or in the cache.
 * @param {Pick<SetupContext, "cache" | "env">} context
 * @returns {Promise<boolean>}
 */
export async function hasNatsServer({ cache, env }) {
  const own = await ownServer({ env }).catch(() => undefined);
  return own !== undefined || (await exists(join(cache, CACHED_FOLDER, "nats-server")));
}

/**
 * The same for those who may not need it: says what is missing and continues.
 * @param {SetupContext} context
 */
export async function offerNatsServer(context) {
  try {
    await ensureNatsServer(context);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    context.say.calm(
      `without nats-server, which only a coordinator needs: ${error.message}\n  To get it: ${error.fix}`,
    );
  }
}

/**
 * @param {Pick<SetupContext, "env" | "signal">} context
 * @returns {Promise<string | undefined>} the user's own, if it will do
 */
async function ownServer({ env, signal }) {
  const named = env.MPO_NATS_SERVER ? env.MPO_NATS_SERVER : undefined;
  const path = await findProgram(named ?? "nats-server", env);
  const version = path === undefined ? undefined : await runChild(path, ["--version"], { env, signal });
  const willDo = version !== undefined && version.code === 0 && isNewEnough(version.stdout);
  if (willDo) return path;
  if (named === undefined) return undefined;
  const found = version === undefined ? "cannot be run" : `says ${JSON.stringify(version.stdout.trim())}`;
  throw new SetupFailure(
    `MPO_NATS_SERVER names ${named}, which ${found}; expected nats-server 2.12.12 or later (2.14.3 or later).`,
    "name a newer one, or unset MPO_NATS_SERVER so that one is built.",
  );
}

/**
 * Builds it for another machine too, for a release.
 * @param {SetupContext} context
 * @param {string} architecture in Go's words
 * @returns {Promise<string>} the program
 */
export async function ensureNatsServerFor(context, architecture) {
  const { folder } = await ensureArtefact(context, {
    name: `release/nats-server-${architecture}-${NATS_VERSION}`,
    label: `nats-server for ${architecture}`,
    roomBytes: 700e6,
    build: async (staging) => {
      // Go takes GOBIN for this machine only; below GOPATH each other one has a folder of its own.
      const work = join(staging, "go");
      await install(context, { GOPATH: work, GOARCH: architecture, GOMODCACHE: await moduleCache(context) }, staging);
      const built = (await filesBelow(join(work, "bin"))).find((name) => name.endsWith("nats-server"));
      await rename(join(work, "bin", built ?? "nats-server"), join(staging, "nats-server"));
      await rm(work, { recursive: true, force: true });
      return { version: NATS_VERSION };
    },
  });
  return join(folder, "nats-server");
}

/**
 * @param {SetupContext} context
 * @returns {Promise<string>} where Go keeps sources, which does not depend on where it builds
 */
async function moduleCache({ env, signal }) {
  const go = await findProgram("go", env);
  return go === undefined ? "" : (await runChild(go, ["env", "GOMODCACHE"], { env, signal })).stdout.trim();
}

/**
 * @param {SetupContext} context
 * @param {string} staging
 */
async function build(context, staging) {
  const { env, signal } = context;
  await install(context, { GOBIN: staging }, staging);
  const built = join(staging, "nats-server");
  const check = await runChild(built, ["--version"], { env, signal });
  if (check.code !== 0 || !isNewEnough(check.stdout)) {
    await rm(built, { force: true });
    throw new SetupFailure(`the nats-server that Go built says ${JSON.stringify(check.stdout.trim())}.`, OTHERWISE);
  }
}

/**
 * @param {SetupContext} context
 * @param {NodeJS.ProcessEnv} place where Go puts the program
 * @param {string} cwd
 */
async function install({ cache, env, say, signal }, place, cwd) {
  const go = await findProgram("go", env);
  if (go === undefined) throw new SetupFailure("there is no nats-server, and no Go to build it with.", BY_HAND);
  say.work(`building nats-server ${NATS_VERSION} with Go (one to three minutes, once)`);
  const args = ["install", "-trimpath", "-ldflags=-s -w", `${MODULE}@v${NATS_VERSION}`];
  const result = await runChild(go, args, { env: { ...env, CGO_ENABLED: "0", ...place }, cwd, signal });
  if (result.code !== 0) throw buildFailure(`${result.stdout}\n${result.stderr}`, cache);
}

/**
 * @param {string} output
 * @param {string} cache
 * @returns {SetupFailure}
 */
function buildFailure(output, cache) {
  const kind = failureKind(output);
  if (kind === "disk-full") return diskFull(cache);
  if (kind === "no-network") {
    return new SetupFailure(
      "no network: Go could not get the source of nats-server.",
      `connect this machine (or set HTTPS_PROXY, or GOPROXY for a mirror) and run the command again; or ${OTHERWISE}`,
    );
  }
  if (/requires go >= |go\.mod requires go|invalid go version/u.test(output)) {
    return new SetupFailure(`this Go is too old for nats-server ${NATS_VERSION}:\n${lastLines(output, 3)}`, BY_HAND);
  }
  return new SetupFailure(
    `Go could not build nats-server ${NATS_VERSION}. Its last output:\n${lastLines(output)}`,
    `see what Go says above and run the command again; or ${OTHERWISE}`,
  );
}
