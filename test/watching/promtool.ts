import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheRoot } from "../../deploy/setup/cache.mjs";
import { findPrometheus } from "../../deploy/setup/prometheus.mjs";

const run = promisify(execFile);

/** Where the rules and the dashboard lie. */
export const PROMETHEUS_FOLDER: string = fileURLToPath(new URL("../../deploy/prometheus/", import.meta.url));

const found = await findPrometheus({ cache: cacheRoot(process.env), env: process.env });

/** Why nothing can be tested with it; false: it is here. */
export const skip: string | false =
  found === undefined ? "no Prometheus: npm run setup gets it where there is apt-get, or put it into PATH" : false;

export function programs(): { readonly prometheus: string; readonly promtool: string } {
  if (found === undefined) throw new Error("there is no Prometheus");
  return found;
}

/** What promtool prints. Throws with it where it finds something wrong. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(programs().promtool, args, { cwd: PROMETHEUS_FOLDER });
  return `${stdout}${stderr}`;
}
