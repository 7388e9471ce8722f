import { exportsOf, importsOf, isGenerated, isTest, resolvedPath, type SourceFile } from "./source-text.ts";

/** Who uses whom among all files of the workspace: names of a door without a user, circles, rooms inside a package. */

/** A package's name and sources. */
export interface Sources {
  readonly name: string;
  readonly files: readonly SourceFile[];
}

/** Rooms inside a package: each may import those before it, through their index.ts. */
const INNER_ROOMS: Readonly<Record<string, readonly string[]>> = {
  core: [
    "numerics",
    "drift",
    "facts",
    "plan",
    "memory",
    "time",
    "accuracy",
    "search",
    "window",
    "selection",
    "rollout",
  ],
};

/**
 * Names that an index.ts exports and nobody outside of its folder imports.
 *
 * @param others files outside of all packages, which may use them too
 */
export function unusedNames(packages: readonly Sources[], others: readonly SourceFile[]): readonly string[] {
  const files = allFiles(packages);
  const used = new Map<string, Set<string>>();
  for (const { path, text } of [...files, ...others]) {
    for (const { specifier, names } of importsOf(text)) {
      const door = targetOf(path, specifier);
      if (door === undefined || path.startsWith(folderOf(door))) continue;
      const ofDoor = used.get(door) ?? new Set();
      used.set(door, ofDoor);
      for (const name of names) ofDoor.add(name);
    }
  }
  return files
    .filter(({ path }) => path.endsWith("/index.ts") && path !== LAB_DOOR)
    .flatMap(({ path, text }) =>
      exportsOf(text)
        .filter((name) => used.get(path)?.has(name) !== true)
        .map((name) => `${path}: ${name === "*" ? "names not what it exports" : `nobody outside uses ${name}`}`),
    );
}

/** Groups of files of which each imports the others, directly or not, types included. */
export function circles(packages: readonly Sources[]): readonly (readonly string[])[] {
  const imports = new Map(
    allFiles(packages).map(({ path, text }) => [
      path,
      importsOf(text).flatMap(({ specifier }) => targetOf(path, specifier) ?? []),
    ]),
  );
  return strongComponents(imports).filter((group) => group.length > 1);
}

/** Imports between rooms of one package that go against their order, or past a room's index.ts. */
export function roomViolations(packages: readonly Sources[]): readonly string[] {
  return packages.flatMap((all) => {
    const rooms = INNER_ROOMS[all.name];
    return rooms === undefined ? [] : allFiles([all]).flatMap((file) => innerViolations(file, rooms));
  });
}

function innerViolations({ path, text }: SourceFile, rooms: readonly string[]): readonly string[] {
  const from = roomOf(path);
  if (from === undefined || isTest(path)) return [];
  if (!rooms.includes(from)) return [`${path}: ${from} is no room of its package; add it to INNER_ROOMS`];
  return importsOf(text).flatMap(({ specifier }) => {
    const target = targetOf(path, specifier);
    const to = target === undefined ? undefined : roomOf(target);
    if (target === undefined || to === undefined || to === from || !specifier.startsWith(".")) return [];
    if (rooms.indexOf(to) > rooms.indexOf(from)) return [`${path}: ${from} may not import ${to}`];
    return target.endsWith(`/${to}/index.ts`) ? [] : [`${path}: imports ${specifier} past the door of ${to}`];
  });
}

/** The command line loads the lab by name where it is installed, which no import shows. */
const LAB_DOOR = "packages/lab/src/index.ts";

function allFiles(packages: readonly Sources[]): readonly SourceFile[] {
  return packages.flatMap(({ name, files }) =>
    files
      .filter(({ path }) => !isGenerated(path))
      .map(({ path, text }) => ({ path: `packages/${name}/${path}`, text })),
  );
}

/** Path of the file that a specifier leads to; undefined for what is not of this workspace. */
function targetOf(path: string, specifier: string): string | undefined {
  // Scripts of deploy/ use what is built.
  if (specifier.startsWith(".")) return resolvedPath(path, specifier)?.replace(/\/dist\/(.*)\.js$/u, "/src/$1.ts");
  const [, name, door] = specifier.match(/^@mpo\/([^/]+)(\/testing)?$/u) ?? [];
  return name === undefined ? undefined : `packages/${name}/src${door ?? ""}/index.ts`;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/** `memory` for packages/core/src/memory/unit-walk.ts; undefined for files that are in no folder. */
function roomOf(path: string): string | undefined {
  return path.match(/^packages\/[^/]+\/src\/([^/]+)\//u)?.[1];
}

/** Tarjan's algorithm. */
function strongComponents(edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): number => {
    order.set(node, order.size);
    let low = order.get(node) as number;
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!edges.has(next)) continue;
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (stack.includes(next)) low = Math.min(low, order.get(next) as number);
    }
    lowest.set(node, low);
    if (low === order.get(node)) found.push(stack.splice(stack.indexOf(node)).sort());
    return low;
  };
  for (const node of edges.keys()) if (!order.has(node)) visit(node);
  return found;
}
