import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fact, MpoError } from "@mpo/core";

type Environment = Readonly<Record<string, string | undefined>>;

const { object, text } = fact;
const stampSchema = object({ facts: object({ wheel: text(1, 256), version: text(1, 64) }) });

/** The wheel that TensorFlow's library comes from. */
export interface LibraryWheel {
  /** Its file's name. */
  readonly wheel: string;
  /** TensorFlow's version, with what its builder has added to it: "2.16.1+nv24.8". */
  readonly version: string;
}

/** TensorFlow as it is installed: its library, its addon, and the program that loads them. */
export interface EnginePlace {
  /** The folder of tfjs-node, links followed. */
  readonly folder: string;
  /** Where the installation notes it. */
  readonly library: LibraryWheel | undefined;
}

/** Where the Debian package mpo-engine puts it. */
const INSTALLED = "/usr/lib/mpo/engine";
const MODULE = "@tensorflow/tfjs-node";
/** Both Node 20 and 22 take the addon of this version of Node-API, the newest that tfjs-node names. */
const ADDON = "lib/napi-v8/tfjs_binding.node";

/**
 * Finds TensorFlow: where `MPO_ENGINE` says, else beside this program, else where the Debian package puts it. Throws
 * `invalid-argument` when `MPO_ENGINE` names another folder, `not-found` when there is none.
 */
export function findEngine(environment: Environment): EnginePlace {
  const named = environment["MPO_ENGINE"];
  const own = fileURLToPath(import.meta.url);
  const places = named ? [join(named, "any.js")] : [own, join(INSTALLED, "any.js")];
  for (const place of places) {
    const folder = moduleFolder(place);
    if (folder !== undefined && existsSync(join(folder, ADDON))) return { folder, library: libraryIn(folder) };
  }
  if (named) {
    throw new MpoError("invalid-argument", `MPO_ENGINE names ${named}, which holds no engine (TensorFlow)`, {
      hint: "Name the folder of an unpacked mpo-engine, in which node_modules/@tensorflow lies, or unset MPO_ENGINE.",
    });
  }
  throw new MpoError("not-found", "this needs the engine (TensorFlow), which is not installed", {
    hint: "Install it: `apt install ./mpo-engine_*.deb`. On a system without apt, unpack that file and name its usr/lib/mpo/engine in MPO_ENGINE. In a checkout: `npm run setup`.",
  });
}

/** Loads its addon, and with it the library, into this process. */
export function loadEngine<Addon>(environment: Environment): Addon {
  const addon = join(findEngine(environment).folder, ADDON);
  return createRequire(addon)(addon) as Addon;
}

function moduleFolder(from: string): string | undefined {
  try {
    return dirname(realpathSync(createRequire(from).resolve(`${MODULE}/package.json`)));
  } catch {
    return undefined;
  }
}

/** The set-up and the packages note beside the library what it was taken from. */
function libraryIn(folder: string): LibraryWheel | undefined {
  try {
    const note = join(dirname(realpathSync(join(folder, "deps/lib"))), "stamp.json");
    return stampSchema.safeParse(JSON.parse(readFileSync(note, "utf8"))).data?.facts;
  } catch {
    return undefined;
  }
}
