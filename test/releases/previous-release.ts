import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheRoot } from "../../deploy/setup/cache.mjs";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** The release before this one. At a release, this file is set to the commit of the one that was the newest. */
const PREVIOUS = JSON.parse(readFileSync(new URL("./previous-release.json", import.meta.url), "utf8")) as {
  readonly version: string;
  readonly commit: string;
};

const READY = "built";

/** The release before this one, built; or why it cannot be had. */
export type PreviousRelease = { readonly root: string } | { readonly why: string };

/**
 * Takes the release before this one out of git and builds it, once a machine: it lies in the cache of the set-up. Its
 * dependencies are this checkout's where they have the versions that it asks for.
 */
export function previousRelease(): PreviousRelease {
  const { version, commit } = PREVIOUS;
  if (run("git", ["cat-file", "-e", `${commit}^{commit}`], ROOT) !== undefined)
    return { why: `release ${version} is not in this clone: git fetch --unshallow` };
  const folder = join(cacheRoot(process.env), "previous-release");
  const root = join(folder, commit);
  if (!existsSync(join(root, READY))) {
    const failed = build(folder, root, commit);
    if (failed !== undefined) return { why: `release ${version} could not be built: ${failed}` };
  }
  // It was built in another folder, and maybe for another checkout.
  link(root);
  return { root };
}

function build(folder: string, root: string, commit: string): string | undefined {
  const staging = join(folder, `.${commit}.${process.pid}`);
  try {
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging, { recursive: true });
    const taken = run("bash", ["-c", `set -o pipefail; git archive ${commit} | tar -x -C "$0"`, staging], ROOT);
    if (taken !== undefined) return taken;
    if (hasItsDependencies(staging)) link(staging);
    else {
      const installed = run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], staging);
      if (installed !== undefined) return installed;
    }
    const built = run(process.execPath, ["node_modules/typescript/bin/tsc", "-b"], staging);
    if (built !== undefined) return built;
    writeFileSync(join(staging, READY), "");
    rmSync(root, { recursive: true, force: true });
    renameSync(staging, root);
    return undefined;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Whether this checkout has each package in the version that another tree's lock file names. */
function hasItsDependencies(tree: string): boolean {
  const [theirs, ours] = [tree, ROOT].map((root) => lockedIn(root));
  return [...(theirs ?? [])].every(([path, version]) => ours?.get(path) === version);
}

function lockedIn(root: string): ReadonlyMap<string, string> {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly version?: string; readonly link?: boolean }>>;
  };
  return new Map(
    Object.entries(packages).flatMap(([path, { version = "", link: isLink = false }]) =>
      path.includes("node_modules/") && !isLink ? [[path, version] as const] : [],
    ),
  );
}

/** This checkout's packages for another tree, whose own packages stay its own. Anew for each checkout that uses the cache. */
function link(tree: string): void {
  const target = join(tree, "node_modules");
  const isInstalled = existsSync(join(target, "tsx")) && !lstatSync(join(target, "tsx")).isSymbolicLink();
  if (isInstalled) return;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, "@mpo"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules")))
    if (name !== "@mpo") symlinkSync(join(ROOT, "node_modules", name), join(target, name));
  for (const name of readdirSync(join(tree, "packages")))
    symlinkSync(join(tree, "packages", name), join(target, "@mpo", name));
  for (const name of readdirSync(join(tree, "packages"))) {
    const nested = join(ROOT, "packages", name, "node_modules");
    const own = join(tree, "packages", name, "node_modules");
    rmSync(own, { force: true });
    if (existsSync(nested)) symlinkSync(nested, own);
  }
}

/** What is wrong; undefined: nothing. */
function run(program: string, args: readonly string[], cwd: string): string | undefined {
  const { status, error, stderr, stdout } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status === 0) return undefined;
  return error?.message ?? (`${stdout}${stderr}`.trim().slice(-400) || `${program} ended with ${String(status)}`);
}
