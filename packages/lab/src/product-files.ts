import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** The command line's package: its sources or what was built from them, whichever this program runs from. */
const CLI_DOOR = import.meta.resolve("@mpo/cli");

/** The file that `mpo` runs. */
export const MPO_ENTRY: string = fileURLToPath(new URL(`./main${extname(CLI_DOOR)}`, CLI_DOOR));

/** Folder of a source model that comes with the product. */
export function bundledModel(name: "resnet20-bn" | "resnet20-gn"): string {
  return fileURLToPath(new URL(`../models/${name}`, CLI_DOOR));
}
