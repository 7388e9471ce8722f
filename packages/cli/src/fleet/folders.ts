import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { CommandContext } from "../command-context.ts";

type Environment = CommandContext["environment"];

const NAME = "mpoptimizer";

/** Where coordinators and agents keep what must survive: `mpoptimizer` in `XDG_STATE_HOME` or `~/.local/state`. */
export function stateFolder(environment: Environment): string {
  return join(baseFolder(environment, "XDG_STATE_HOME", ".local/state"), NAME);
}

/** Where the set-up keeps what it got: `MPO_CACHE`, or `mpoptimizer` in `XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder(environment: Environment): string {
  const { MPO_CACHE: named = "" } = environment;
  return named !== "" ? named : join(baseFolder(environment, "XDG_CACHE_HOME", ".cache"), NAME);
}

/** The XDG rules: a variable that is empty or relative does not count. */
function baseFolder(environment: Environment, variable: string, usual: string): string {
  const named = environment[variable] ?? "";
  const { HOME: home = "" } = environment;
  return isAbsolute(named) ? named : join(home === "" ? homedir() : home, usual);
}
