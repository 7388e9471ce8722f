import { readFileSync } from "node:fs";
import { hasCode } from "@mpo/core";

/** What a release notes about itself when it is built (`deploy/release`); there is no such file in a checkout. */
interface ReleaseNote {
  readonly commit: string;
  /** The day of the commit, such as `2026-11-30`. */
  readonly date: string;
}

/** The release: one number for the whole product. */
export const VERSION: string = (readBeside("../package.json") as { readonly version: string }).version;

/** What `mpo --version` prints: release, commit, TensorFlow, Node. */
export async function versionText(environment: NodeJS.ProcessEnv): Promise<string> {
  const note = readBeside("../release.json") as ReleaseNote | undefined;
  return [
    `mpo ${VERSION}`,
    `commit ${note === undefined ? "unknown: this is a checkout" : `${note.commit} of ${note.date}`}`,
    `TensorFlow ${await tensorflowRelease(environment)}`,
    `Node ${process.versions.node}`,
  ].join("\n");
}

async function tensorflowRelease(environment: NodeJS.ProcessEnv): Promise<string> {
  // Loaded here: it takes longer than all other commands that need no engine.
  const { findEngine } = await import("@mpo/engine");
  try {
    return findEngine(environment).library?.version ?? "of an unknown release";
  } catch (thrown) {
    if (hasCode(thrown, "not-found", "invalid-argument")) return "not installed";
    throw thrown;
  }
}

function readBeside(name: string): unknown {
  try {
    return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
}
