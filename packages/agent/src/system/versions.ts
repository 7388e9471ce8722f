import { readFileSync } from "node:fs";
import { MpoError } from "@mpo/core";

export const AGENT_VERSION: string = versionIn(new URL("../../package.json", import.meta.url));

/**
 * When this release was made, for clocks that begin in 1970: raised with each version. The date of a file would be what
 * the clock of whoever installed it said.
 */
export const AGENT_RELEASED_MS: number = Date.UTC(2026, 10, 29);

/** Version of the engine that the agent's jobs load, read without loading it. */
export function engineVersion(): string {
  return versionIn(new URL("../package.json", import.meta.resolve("@mpo/engine")));
}

function versionIn(manifest: URL): string {
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly version?: unknown };
  if (typeof version === "string") return version;
  throw new MpoError("internal", `${manifest.href} has no version`);
}
