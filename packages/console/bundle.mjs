/**
 * Makes the page that a coordinator serves from `src/main.tsx` and `src/style/page.css`: dist-web/ has an index.html, and files
 * whose names change with their content, so that browsers may keep them for ever.
 *
 * usage: node packages/console/bundle.mjs
 */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
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
    logLevel: "warning",
  });
  const files = Object.keys(metafile.outputs).map((path) => basename(path));
  await writeFile(join(folder, "index.html"), indexPage(files));
  return metafile;
}

/** A page that is being served is replaced in one step. */
async function main() {
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
