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
