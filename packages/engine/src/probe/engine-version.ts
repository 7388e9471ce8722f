import { readFileSync } from "node:fs";

/** Version of this package: profiles of another one are measured again. */
export const ENGINE_VERSION: string = readVersion();

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
