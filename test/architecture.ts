import {
  importsOf,
  isGenerated,
  isTest,
  resolvedPath,
  type SourceFile,
  withoutComments,
  withoutStrings,
} from "./source-text.ts";

/**
 * The house rules that a compiler does not hold, as pure functions over the text of a workspace: which room may import
 * which, where vendors may appear, what no source holds.
 */

/** A package as it lies on disk. */
export interface Room {
  /** Its folder under `packages/`. */
  readonly name: string;
  readonly manifest: {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly devDependencies?: Readonly<Record<string, string>>;
    readonly exports?: Readonly<Record<string, unknown>>;
  };
  /** Folders of the packages that its tsconfig.json refers to. */
  readonly references: readonly string[];
  readonly files: readonly SourceFile[];
}

/** Direction of imports: each room, and the rooms that it may import. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  io: ["core"],
  datasets: ["core", "io"],
  engine: ["core", "io", "datasets"],
  runtime: ["core", "io"],
  identity: ["core", "io"],
  protocol: ["core"],
  // What pages and reports draw.
  charts: [],
  // A web page: it talks to a coordinator over HTTP alone.
  console: ["core", "protocol", "charts"],
  transport: ["core", "io", "identity", "protocol", "runtime"],
  agent: ["core", "io", "datasets", "engine", "runtime", "identity", "protocol", "transport"],
  // Without engine: a coordinator runs on hosts that have no TensorFlow. Without agent: neither knows the other.
  coordinator: ["core", "io", "datasets", "runtime", "identity", "protocol", "transport"],
  cli: [
    "core",
    "io",
    "datasets",
    "engine",
    "runtime",
    "identity",
    "protocol",
    "charts",
    "console",
    "transport",
    "agent",
    "coordinator",
  ],
  // Benches, the demo and simulators. Nothing imports it: the command line loads it where it is installed.
  lab: [
    "core",
    "io",
    "datasets",
    "engine",
    "runtime",
    "identity",
    "protocol",
    "charts",
    "console",
    "transport",
    "agent",
    "coordinator",
    "cli",
  ],
};

/** A package's second door: stand-ins for tests and the laboratory, which no product code may use. */
const TESTING_DOOR = "testing";

/** Vendors that only these rooms may import, so that they can be changed there alone. */
const VENDOR_ROOMS: readonly { readonly vendor: RegExp; readonly rooms: readonly string[] }[] = [
  { vendor: /^@tensorflow\//u, rooms: ["engine"] },
  { vendor: /^(@grpc\/grpc-js|nats)$/u, rooms: ["transport"] },
  { vendor: /^(@peculiar\/x509|@nats-io\/.+)$/u, rooms: ["identity"] },
  { vendor: /^jose$/u, rooms: ["coordinator"] },
  { vendor: /^(openid-client|toml-eslint-parser)$/u, rooms: ["cli"] },
  // People write rollouts as YAML on both.
  { vendor: /^yaml$/u, rooms: ["cli", "console"] },
  { vendor: /^(preact|@preact\/.+)$/u, rooms: ["charts", "console"] },
  { vendor: /^preact-render-to-string$/u, rooms: ["charts"] },
  { vendor: /^(pino|@opentelemetry\/.+)$/u, rooms: ["runtime"] },
  { vendor: /^tar-stream$/u, rooms: ["io"] },
];

/** What no source holds; the second column names the rooms that may. */
const FORBIDDEN: readonly { readonly what: string; readonly pattern: RegExp; readonly except: readonly string[] }[] = [
  { what: "a default export", pattern: /\bexport default\b/u, except: [] },
  { what: "the type any", pattern: /(:|<|\bas|\||,|=>)\s*any\b(?!\s*[:(])/u, except: [] },
  { what: "an enum", pattern: /\benum\s+[A-Z]\w*\s*\{/u, except: [] },
  { what: "console", pattern: /\bconsole\.\w+\(/u, except: ["cli", "lab"] },
];

/** A source file longer than this says near its top why it is one concept all the same. */
const LONG_FILE_LINES = 300;
/** In its first characters, before or after its imports. */
const REASON_WITHIN = 2000;
const REASON = /^\/\/ Long because: \S/mu;

/** What the root of the workspace holds for all packages. */
export interface Root {
  /** Folders of the packages that its tsconfig.json refers to. */
  readonly references: readonly string[];
  /** Packages for tests. */
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Everything that breaks a rule, as one sentence each. */
export function violations(rooms: readonly Room[], root: Root): readonly string[] {
  return [
    ...rooms.flatMap((room) => [
      ...manifestViolations(room),
      ...room.files.flatMap((file) => fileViolations(room, file, root)),
    ]),
    ...rooms
      .filter(({ name }) => !root.references.includes(name))
      .map(({ name }) => `tsconfig.json does not refer to packages/${name}`),
  ];
}

/** Source files with more lines than they should have and no word on why, longest first. */
export function longFiles(rooms: readonly Room[]): readonly { readonly path: string; readonly lines: number }[] {
  return rooms
    .flatMap(({ name, files }) =>
      files
        .filter(({ path, text }) => !isGenerated(path) && !isTest(path) && !REASON.test(text.slice(0, REASON_WITHIN)))
        .map(({ path, text }) => ({ path: `packages/${name}/${path}`, lines: text.split("\n").length - 1 })),
    )
    .filter(({ lines }) => lines > LONG_FILE_LINES)
    .sort((left, right) => right.lines - left.lines);
}

function manifestViolations({ name, manifest, references }: Room): readonly string[] {
  const allowed = MAY_IMPORT[name];
  if (allowed === undefined) return [`packages/${name} is no room of the house; add it to the design first`];
  const found: string[] = [];
  const rooms = roomsOf(Object.keys(manifest.dependencies ?? {}));
  for (const room of [...rooms, ...roomsOf(Object.keys(manifest.devDependencies ?? {}))]) {
    if (!allowed.includes(room)) found.push(`packages/${name}/package.json: ${name} may not depend on ${room}`);
  }
  for (const room of references) {
    if (!allowed.includes(room)) found.push(`packages/${name}/tsconfig.json: ${name} may not refer to ${room}`);
  }
  for (const room of rooms) {
    if (!references.includes(room)) found.push(`packages/${name}/tsconfig.json: there is no reference to ${room}`);
  }
  const doors = Object.keys(manifest.exports ?? {}).filter((door) => door !== `./${TESTING_DOOR}`);
  if (doors.join() !== ".") found.push(`packages/${name}/package.json: exports must have "." and "./testing" alone`);
  return found;
}

function fileViolations(room: Room, file: SourceFile, root: Root): readonly string[] {
  const where = `packages/${room.name}/${file.path}`;
  const found = importsOf(file.text).flatMap(({ specifier }) => {
    const problem = importProblem(room, file, specifier, root);
    return problem === undefined ? [] : [`${where}: imports ${specifier}: ${problem}`];
  });
  if (isGenerated(file.path)) return found;
  const code = withoutStrings(withoutComments(file.text));
  for (const { what, pattern, except } of FORBIDDEN) {
    if (!except.includes(room.name) && pattern.test(code)) found.push(`${where}: has ${what}`);
  }
  return found;
}

function importProblem(room: Room, file: SourceFile, specifier: string, root: Root): string | undefined {
  if (specifier.startsWith("node:")) return inBrowser(room, file) ? "is not there in a browser" : undefined;
  if (specifier.startsWith(".")) {
    if (leavesPackage(file.path, specifier)) return "leaves its package";
    return specifier.includes(`/${TESTING_DOOR}/`) && !isTest(file.path) ? "is for tests and the lab" : undefined;
  }
  const name = packageOf(specifier);
  const { dependencies = {} } = room.manifest;
  const devDependencies = { ...root.devDependencies, ...room.manifest.devDependencies };
  const mayBeDev = isTest(file.path) || isGenerated(file.path);
  if (!(name in dependencies) && !(mayBeDev && name in devDependencies)) return "is not in package.json";
  if (name.startsWith("@mpo/")) {
    if (name === "@mpo/protocol" && inBrowser(room, file) && !isOnlyTypes(file.text, specifier))
      return "its types alone may go into a page";
    if (specifier === `${name}/${TESTING_DOOR}`) {
      if (room.name !== "lab" && !isTest(file.path)) return "is for tests and the lab";
    } else if (specifier !== name) return "is a deep import";
    const target = name.slice("@mpo/".length);
    return MAY_IMPORT[room.name]?.includes(target) ? undefined : `${room.name} may not import ${target}`;
  }
  // Generated types mention grpc's; tests may run a real peer.
  if (mayBeDev && name in devDependencies) return undefined;
  const border = VENDOR_ROOMS.find(({ vendor }) => vendor.test(name));
  return border === undefined || border.rooms.includes(room.name)
    ? undefined
    : `only ${border.rooms.join(" and ")} may`;
}

/** Its codecs would bring zod and protobuf along. */
function isOnlyTypes(text: string, specifier: string): boolean {
  const lines = withoutComments(text).match(/^(?:import|export)\b[^;]*;/gmu) ?? [];
  return lines
    .filter((line) => line.includes(`"${specifier}"`))
    .every((line) => /^(?:import|export) type\b/u.test(line));
}

/** All of charts, and of the console but its door, runs in a browser. Tests do not. */
function inBrowser({ name }: Room, { path }: SourceFile): boolean {
  return (name === "console" || name === "charts") && path !== "src/index.ts" && !isTest(path);
}

function leavesPackage(path: string, specifier: string): boolean {
  return resolvedPath(path, specifier)?.startsWith("src/") !== true;
}

function roomsOf(packages: readonly string[]): readonly string[] {
  return packages.filter((name) => name.startsWith("@mpo/")).map((name) => name.slice("@mpo/".length));
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
