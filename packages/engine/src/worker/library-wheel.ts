import { readFile, realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fact } from "@mpo/core";

const { object, text } = fact;
const stampSchema = object({ facts: object({ wheel: text(1, 256), version: text(1, 64) }) });

/** The wheel that TensorFlow's library comes from. */
export interface LibraryWheel {
  /** Its file's name. */
  readonly wheel: string;
  /** TensorFlow's version, with what its builder has added to it: "2.16.1+nv24.8". */
  readonly version: string;
}

/** What the set-up has noted of the library, beside the folder to which the addon's link leads; undefined: nothing. */
export async function libraryWheel(): Promise<LibraryWheel | undefined> {
  try {
    const manifest = createRequire(import.meta.url).resolve("@tensorflow/tfjs-node/package.json");
    const library = await realpath(join(dirname(manifest), "deps", "lib"));
    const stamp = stampSchema.safeParse(JSON.parse(await readFile(join(library, "..", "stamp.json"), "utf8")));
    return stamp.data?.facts;
  } catch {
    return undefined;
  }
}
