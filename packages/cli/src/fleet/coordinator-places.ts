import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { cacheFolder } from "@mpo/datasets";
import type { Files } from "../command-context.ts";
import { stateFolder } from "./state-folder.ts";

/** Where a coordinator keeps its state: as `--data` says, or in its usual place. */
export function coordinatorFolder(data: string | undefined, { environment, workingFolder }: Files): string {
  return data === undefined ? join(stateFolder(environment), "coordinator") : resolve(workingFolder, data);
}

/** Where a `nats-server` may be that nothing names: in `PATH`, or where the set-up puts it. */
export function natsServerPlaces(environment: Files["environment"]): {
  readonly searchPath: readonly string[];
  readonly cacheFolder: string;
} {
  return {
    searchPath: (environment["PATH"] ?? "").split(delimiter),
    cacheFolder: cacheFolder(environment, homedir()),
  };
}

/** Where the console's built pages are, where they are installed: beside our other packages. */
export function consoleFolder(): string | undefined {
  const places = createRequire(import.meta.url).resolve.paths(CONSOLE) ?? [];
  return places.map((place) => join(place, CONSOLE, "dist-web")).find((folder) => existsSync(folder));
}

const CONSOLE = "@mpo/console";
