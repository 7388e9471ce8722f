import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Files } from "../command-context.ts";

/**
 * Where coordinators and agents keep what must survive: `mpoptimizer` in `XDG_STATE_HOME` or `~/.local/state`. By XDG's
 * rules a variable that is empty or relative does not count.
 */
export function stateFolder({ XDG_STATE_HOME: named = "", HOME: home = "" }: Files["environment"]): string {
  const base = isAbsolute(named) ? named : join(home === "" ? homedir() : home, ".local/state");
  return join(base, "mpoptimizer");
}
