import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import { MpoError } from "@mpo/core";
import { type Abortable, fileError, systemErrorCode, throwIfAborted } from "@mpo/io";
import type { Exchange, Route } from "./route.ts";
import { sendText } from "./send.ts";

interface Variant {
  readonly encoding?: "br" | "gzip";
  readonly body: Buffer;
}

interface StaticFile {
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
  /** The smallest first. */
  readonly variants: readonly Variant[];
}

/** By the path at which each is asked for. All of it is in memory: what is not in here does not exist, however it is asked for. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  json: "application/json",
  map: "application/json",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};
/** The bundle has some 100 kB; a folder of more is another folder. */
const MAX_FILES = 500;
const INDEX = "/index.html";
/** What esbuild puts into names: other bytes have another name. */
const HASHED = /-[A-Z0-9]{8}\.[a-z0-9]+(?:\.map)?$/u;
const YEAR = "public, max-age=31536000, immutable";
const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** Reads a folder of built pages; undefined: there is none. */
export async function readStaticFiles(folder: string, { signal }: Abortable = {}): Promise<StaticFiles | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((thrown: unknown) => {
    if (systemErrorCode(thrown) === "ENOENT") return undefined;
    throw fileError(thrown, "read", folder);
  });
  if (entries === undefined) return undefined;
  const names = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1));
  if (names.length > MAX_FILES) throw new MpoError("invalid-data", `${folder} has more than ${MAX_FILES} files`);
  const files = new Map<string, StaticFile>();
  for (const name of names.filter((one) => !/\.(?:br|gz)$/u.test(one))) {
    throwIfAborted(signal);
    files.set(`/${name.split(sep).join("/")}`, await readStatic(join(folder, name), name, names));
  }
  return files.has(INDEX) ? files : undefined;
}

async function readStatic(path: string, name: string, names: readonly string[]): Promise<StaticFile> {
  const plain = await readFile(path);
  const made = async (suffix: string, compress: (bytes: Buffer) => Promise<Buffer>): Promise<Buffer> =>
    names.includes(`${name}${suffix}`) ? await readFile(`${path}${suffix}`) : await compress(plain);
  const variants: readonly Variant[] = [
    { encoding: "br", body: await made(".br", compressBrotli) },
    { encoding: "gzip", body: await made(".gz", compressGzip) },
    { body: plain },
  ];
  const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  const etag = `"${createHash("sha256").update(plain).digest("hex").slice(0, 32)}"`;
  const cacheControl = HASHED.test(name) ? YEAR : "no-cache";
  return { type, etag, cacheControl, variants: variants.toSorted((one, other) => one.body.length - other.body.length) };
}

const ABSENT = `The console is not part of this installation: packages/console/dist-web is missing.
In a checkout, "npm run build" makes it. The API is here all the same: /api/v1/openapi.json
`;

/** The pages of the console. A path without a dot is a place within them, which the page itself finds. */
export function staticRoute(files: StaticFiles | undefined): Route {
  return {
    method: "GET",
    matches: (path) => files?.has(path) === true || isPlace(path),
    answer: ({ request, response, path }) => {
      const file = files?.get(path) ?? files?.get(INDEX);
      if (file === undefined) return sendText(response, 404, ABSENT, "text/plain; charset=utf-8");
      sendFile(request, response, file);
    },
  };
}

/** Not one of the API's: there, an address that is wrong must be seen to be. */
function isPlace(path: string): boolean {
  return /^\/[^.]*$/u.test(path) && !/^\/(?:api|session)(?:\/|$)/u.test(path);
}

function sendFile(request: Exchange["request"], response: Exchange["response"], file: StaticFile): void {
  const { type, etag, cacheControl, variants } = file;
  const headers = { "cache-control": cacheControl, etag, vary: "accept-encoding" };
  if (request.headers["if-none-match"]?.split(/\s*,\s*/u).includes(etag) === true) {
    response.writeHead(304, headers).end();
    return;
  }
  const taken = encodingsOf(request.headers["accept-encoding"]);
  const chosen = variants.find(({ encoding }) => encoding === undefined || taken.has(encoding));
  if (chosen === undefined) return;
  const { encoding, body } = chosen;
  response.writeHead(200, {
    ...{ ...headers, "content-type": type, "content-length": body.length },
    ...(encoding === undefined ? {} : { "content-encoding": encoding }),
  });
  response.end(body);
}

function encodingsOf(header: string | string[] | undefined): ReadonlySet<string> {
  const named = (Array.isArray(header) ? header.join(",") : (header ?? "")).split(",").map((one) => one.trim());
  return new Set(named.filter((one) => !/;\s*q=0(?:\.0*)?$/u.test(one)).map((one) => one.replace(/;.*$/u, "")));
}
