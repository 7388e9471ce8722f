import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { ifFound, readJsonFile } from "@mpo/io";
import { type ArtifactVersion, schemas } from "@mpo/protocol";
import { folderDigest } from "./model-digest.ts";

export interface RetrainedModel {
  /** Name of its folder, beside the manifest. */
  readonly folder: string;
  /** As `folderDigest` gives it. */
  readonly digest: string;
  /** The published version that it is, or was retrained from; absent: the model as deployed. */
  readonly source?: ArtifactVersion;
}

/** What the serving program reads to find the newest retrained model. It is replaced in one step. */
export interface RetrainedManifest {
  /** Rises with every retrained model. */
  readonly version: number;
  readonly current: RetrainedModel;
  /** The one before: what to serve if the current one is damaged. */
  readonly previous?: RetrainedModel;
  readonly publishedAtMs: number;
}

export const MANIFEST_FILE = "manifest.json";

/** Reads the manifest of a folder of retrained models; undefined: nothing was retrained yet. Throws `invalid-data`. */
export async function readRetrainedManifest(folder: string): Promise<RetrainedManifest | undefined> {
  const path = join(folder, MANIFEST_FILE);
  const value = await ifFound(readJsonFile(path));
  if (value === undefined) return undefined;
  const { version, current, previous, publishedAtMs } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (!Number.isSafeInteger(version) || !isModel(current) || typeof publishedAtMs !== "number") {
    throw new MpoError("invalid-data", `${path} is no manifest of retrained models`);
  }
  return { version: version as number, current, publishedAtMs, ...(isModel(previous) ? { previous } : {}) };
}

/** The model that is to be served: the newest whose files are as they were written. Undefined: the one as deployed. */
export async function findServable(
  folder: string,
): Promise<{ readonly folder: string; readonly version: number; readonly isFallback: boolean } | undefined> {
  const manifest = await readRetrainedManifest(folder).catch(() => undefined);
  if (manifest === undefined) return undefined;
  for (const [index, model] of [manifest.current, manifest.previous].entries()) {
    if (model === undefined) continue;
    const at = join(folder, model.folder);
    const digest = await folderDigest(at).catch(() => undefined);
    if (digest === model.digest) return { folder: at, version: manifest.version - index, isFallback: index > 0 };
  }
  return undefined;
}

function isModel(value: unknown): value is RetrainedModel {
  const { folder, digest, source } = (value ?? {}) as Readonly<Record<string, unknown>>;
  // A manifest must not lead out of its folder.
  const isFolder = typeof folder === "string" && /^[0-9a-f]{16}$/u.test(folder);
  const isSource = source === undefined || schemas.artifactVersion.safeParse(source).success;
  return isFolder && isSource && typeof digest === "string";
}
