import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Files } from "../command-context.ts";

/** The same of an installed coordinator, whose unit says so (`deploy/systemd`): its user has no home to write to. */
export const INSTALLED_STATE_FOLDER = "/var/lib/mpo/coordinator/mpoptimizer";

/**
 * Where coordinators and agents keep what must survive: `mpoptimizer` in `XDG_STATE_HOME` or `~/.local/state`. By XDG's
 * rules a variable that is empty or relative does not count.
 */
export function stateFolder({ XDG_STATE_HOME: named = "", HOME: home = "" }: Files["environment"]): string {
  const base = isAbsolute(named) ? named : join(home === "" ? homedir() : home, ".local/state");
  return join(base, "mpoptimizer");
}
