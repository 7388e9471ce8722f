/**
 * Makes the page that a coordinator serves from `src/main.tsx` and `src/style/page.css`: dist-web/ has an index.html, and files
 * whose names change with their content, so that browsers may keep them for ever.
 *
 * usage: node packages/console/bundle.mjs [--if-changed] [--report]
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const COLOURS = "../core/src/facts/page-colours.ts";
const CHART_STYLE = "../charts/src/chart-style.ts";
const TARGET = join(HERE, "dist-web");

/** The icon: three rungs of a ladder. Without one, each browser asks for /favicon.ico. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%231f6feb'/%3E%3Cpath d='M3 12h4M3 8h7M3 4h10' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

/** @param {readonly string[]} files names of what was built */
function indexPage(files) {
  const named = (/** @type {RegExp} */ pattern) => files.find((file) => pattern.test(file));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>MPOptimizer</title>
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="/assets/${named(/^page-.*\.css$/u)}">
<script type="module" src="/assets/${named(/^main-.*\.js$/u)}"></script>
</head>
<body>
<div id="app"></div>
<noscript><p>This page needs JavaScript. The command line does all that it does: mpo --help</p></noscript>
</body>
</html>
`;
}

/**
 * The licences of what others wrote: they ask to be passed on with it.
 * @param {readonly string[]} inputs
 */
async function licencesOf(inputs) {
  const folders = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/u.exec(input)?.[0] ?? []));
  const texts = [...folders].sort().map(async (folder) => {
    const names = (await readdir(join(HERE, folder))).filter((name) => /^licen[cs]e/iu.test(name));
    if (names[0] === undefined) throw new Error(`${folder} has no licence`);
    const title = folder.replace(/^.*node_modules\//u, "");
    return `${title}\n\n${await readFile(join(HERE, folder, names[0]), "utf8")}`;
  });
  return (await Promise.all(texts)).join("\n\n");
}

/**
 * What a source of another package exports, which is not built yet.
 * @param {string} source
 */
async function exportsOf(source) {
  const { outputFiles } = await build({ absWorkingDir: HERE, write: false, format: "esm", entryPoints: [source] });
  return await import(`data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? "")}`);
}

/** Styles that pages and reports share: the colours, each for light and for dark, and how charts look. */
const shared = {
  name: "shared styles",
  setup(/** @type {import("esbuild").PluginBuild} */ { onResolve, onLoad }) {
    onResolve({ filter: /\/(?:page-colours|chart-style)\.css$/ }, ({ path }) => ({ path, namespace: "shared" }));
    onLoad({ filter: /page-colours/, namespace: "shared" }, async () => {
      const { PAGE_COLOURS } = await exportsOf(COLOURS);
      const rules = Object.entries(PAGE_COLOURS).map(
        ([name, [light, dark]]) => `--${name}: light-dark(${light}, ${dark});`,
      );
      return { contents: `:root { ${rules.join(" ")} }`, loader: /** @type {const} */ ("css") };
    });
    onLoad({ filter: /chart-style/, namespace: "shared" }, async () => {
      return { contents: (await exportsOf(CHART_STYLE)).CHART_STYLE, loader: /** @type {const} */ ("css") };
    });
  },
};

/** @param {string} folder */
async function bundle(folder) {
  const { metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: { main: "src/main.tsx", page: "src/style/page.css" },
    outdir: join(folder, "assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    // What has `AbortSignal.any`, nested styles and `light-dark()`: browsers of 2024.
    target: ["chrome123", "firefox124", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    // Own packages from their sources: the page needs no other build before it.
    conditions: ["source"],
    minify: true,
    legalComments: "none",
    metafile: true,
    plugins: [shared],
    logLevel: "warning",
  });
  const files = Object.keys(metafile.outputs).map((path) => basename(path));
  await writeFile(join(folder, "licences.txt"), await licencesOf(Object.keys(metafile.inputs)));
  await writeFile(join(folder, "index.html"), indexPage(files));
  return metafile;
}

/** What the page is made of: its own sources, this file, and the packages that it takes code and types from. */
const SOURCES = ["src", "bundle.mjs", "package.json", "../charts/src", "../core/src", "../protocol/src"];

/**
 * When a file, or one below a folder, was last written.
 * @param {string} path
 * @returns {Promise<number>}
 */
async function newest(path) {
  const found = await stat(path);
  if (!found.isDirectory()) return found.mtimeMs;
  const within = await readdir(path);
  /** @type {number[]} */
  const times = await Promise.all(within.map((name) => newest(join(path, name))));
  return Math.max(found.mtimeMs, ...times);
}

/** Whether the page is newer than all that it is made of. */
async function isFresh() {
  try {
    const { mtimeMs } = await stat(join(TARGET, "index.html"));
    const times = await Promise.all(SOURCES.map((source) => newest(join(HERE, source))));
    return Math.max(...times) < mtimeMs;
  } catch {
    return false;
  }
}

/** A page that is being served is replaced in one step. */
async function main() {
  if (process.argv.includes("--if-changed") && (await isFresh())) return;
  const made = `${TARGET}.${process.pid}`;
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  try {
    const metafile = await bundle(made);
    if (process.argv.includes("--report")) await writeFile(join(HERE, "dist/bundle.json"), JSON.stringify(metafile));
    await rm(TARGET, { recursive: true, force: true });
    await rename(made, TARGET);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  console.log(`console: ${(await readdir(join(TARGET, "assets"))).length} files in packages/console/dist-web`);
}

await main();
