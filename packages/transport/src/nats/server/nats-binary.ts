import { execFile } from "node:child_process";
import { access, constants, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { MpoError } from "@mpo/core";
import type { Abortable } from "@mpo/io";
import { isNewEnough, NEEDED_VERSION } from "./server-checks.ts";

/** Where a `nats-server` may be. */
export interface NatsBinaryPlaces extends Abortable {
  /** Its path, as the user says (`MPO_NATS_SERVER`). */
  readonly named?: string | undefined;
  /** Folders of programs, as in `PATH` split. */
  readonly searchPath: readonly string[];
  /** The user's cache folder; the set-up puts it at `nats-server/<version>/nats-server` there. */
  readonly cacheFolder?: string | undefined;
}

/** A program that can be started. */
export interface NatsBinary {
  readonly path: string;
  readonly version: string;
}

/** Where the Debian package mpo-coordinator puts the one that it was tried with. */
const INSTALLED = "/usr/lib/mpo/bin/nats-server";
const HINT =
  "Install the package mpo-coordinator, which brings one; or install nats-server and name it in MPO_NATS_SERVER; or use a running one with --nats URL. In a checkout: `npm run setup -- --with-nats` (needs Go).";

/**
 * Finds a `nats-server` that is new enough: the named one, else the one of our package, else the first of the search
 * path, else the newest of the cache. Throws `invalid-argument` when the named one does not fit, `not-found` when there is none.
 */
export async function findNatsServer(places: NatsBinaryPlaces): Promise<NatsBinary> {
  const { named, searchPath, cacheFolder, signal } = places;
  if (named !== undefined && named !== "") {
    const version = await versionOf(named, signal);
    if (version !== undefined && isNewEnough(version)) return { path: named, version };
    const found = version === undefined ? "cannot be started" : `is version ${version}`;
    throw new MpoError(
      "invalid-argument",
      `MPO_NATS_SERVER names ${named}, which ${found}; expected ${NEEDED_VERSION}`,
      {
        hint: HINT,
      },
    );
  }
  const tooOld: string[] = [];
  const cached = cacheFolder === undefined ? [] : await cachedServers(join(cacheFolder, "nats-server"));
  for (const path of [
    INSTALLED,
    ...searchPath.filter((folder) => folder !== "").map((folder) => join(folder, "nats-server")),
    ...cached,
  ]) {
    const version = await versionOf(path, signal);
    if (version === undefined) continue;
    if (isNewEnough(version)) return { path, version };
    tooOld.push(`${path} is ${version}`);
  }
  const why = tooOld.length === 0 ? "" : ` (${tooOld.join("; ")})`;
  throw new MpoError("not-found", `there is no nats-server ${NEEDED_VERSION}${why}`, { hint: HINT });
}

async function cachedServers(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  const newestFirst = names.sort((left, right) => right.localeCompare(left, "en", { numeric: true }));
  return newestFirst.map((name) => join(folder, name, "nats-server"));
}

async function versionOf(path: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    // Node leaves a listener on the signal for each program that cannot be started.
    await access(path, constants.X_OK);
    const options = { timeout: 10_000, ...(signal === undefined ? {} : { signal }) };
    const { stdout } = await promisify(execFile)(path, ["--version"], options);
    return /v(\d+\.\d+\.\d+\S*)/u.exec(stdout)?.[1];
  } catch (thrown) {
    if (signal?.aborted) throw thrown;
    return undefined;
  }
}
