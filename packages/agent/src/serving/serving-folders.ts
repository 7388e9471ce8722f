import { access } from "node:fs/promises";
import { join } from "node:path";
import type { ArtifactVersion } from "@mpo/protocol";
import { readRetrainedManifest } from "./retrained-manifest.ts";

/** What lies under a model's folder: the model as deployed, inputs that the program drops, retrained models, fetched ones. */
export const SERVING_FOLDERS = {
  source: "model",
  inputs: "inputs",
  retrained: "retrained",
  published: "published",
} as const;

const FOLDER_DIGITS = 16;

/** Name of the folder of what has this digest. */
export function folderNameOf(digest: string): string {
  return digest.slice(0, FOLDER_DIGITS);
}

/** The model that the weights which serve come from. */
export interface SourceModel {
  readonly folder: string;
  /** Which published version it is; absent: the model as deployed. */
  readonly artifact?: ArtifactVersion;
}

/** Where the model lies that serves, or that what serves was retrained from. `folder`: the model's own. */
export async function sourceOf(folder: string): Promise<SourceModel> {
  const manifest = await readRetrainedManifest(join(folder, SERVING_FOLDERS.retrained)).catch(() => undefined);
  const artifact = manifest?.current.source;
  const deployed = { folder: join(folder, SERVING_FOLDERS.source) };
  if (artifact === undefined) return deployed;
  const published = join(folder, SERVING_FOLDERS.published, folderNameOf(artifact.digest));
  // Somebody has removed it: it is fetched again.
  const isThere = await access(published).then(
    () => true,
    () => false,
  );
  return isThere ? { folder: published, artifact } : deployed;
}
