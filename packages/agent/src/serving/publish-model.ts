import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { given } from "@mpo/core";
import { type Clock, fileError, syncFolder, systemErrorCode, writeJsonFile } from "@mpo/io";
import { folderDigest } from "./model-digest.ts";
import {
  MANIFEST_FILE,
  type RetrainedManifest,
  type RetrainedModel,
  readRetrainedManifest,
} from "./retrained-manifest.ts";
import { folderNameOf } from "./serving-folders.ts";

const STAGED = /^\.staged-/u;

/**
 * Makes a staged model the one that is served. First its folder gets its final name, then the manifest is replaced in one
 * step, then what is older than the one before is removed: whatever happens, the manifest names whole models.
 * `from`: the published version that it is; default: it was retrained from the one that serves.
 */
export async function publishModel(
  folder: string,
  stagedFolder: string,
  clock: Clock,
  from?: Pick<RetrainedModel, "source">,
): Promise<RetrainedManifest> {
  // A damaged manifest is as good as none: it is replaced.
  const before = await readRetrainedManifest(folder).catch(() => undefined);
  const digest = await folderDigest(stagedFolder);
  const { source } = from ?? before?.current ?? {};
  const current: RetrainedModel = { folder: folderNameOf(digest), digest, ...given({ source }) };
  try {
    await rename(stagedFolder, join(folder, current.folder)).catch(async (thrown: unknown) => {
      if (!["ENOTEMPTY", "EEXIST"].includes(systemErrorCode(thrown) ?? "")) throw thrown;
      // The same weights were published before.
      if ((await folderDigest(join(folder, current.folder))) === digest) return rm(stagedFolder, { recursive: true });
      await rm(join(folder, current.folder), { recursive: true });
      return rename(stagedFolder, join(folder, current.folder));
    });
    await syncFolder(folder);
  } catch (thrown) {
    throw fileError(thrown, "move a retrained model into", folder);
  }
  const previous = before?.current.digest === digest ? before.previous : before?.current;
  const manifest: RetrainedManifest = {
    version: (before?.version ?? 0) + 1,
    current,
    ...(previous === undefined ? {} : { previous }),
    publishedAtMs: Math.round(clock.now()),
  };
  await writeJsonFile(join(folder, MANIFEST_FILE), manifest, { mode: 0o644 });
  await removeOthers(folder, [current.folder, ...(previous === undefined ? [] : [previous.folder])]);
  return manifest;
}

/** Removes models that no manifest names, and what killed retrainings left. */
async function removeOthers(folder: string, kept: readonly string[]): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const isModel = /^[0-9a-f]{16}$/u.test(name) && !kept.includes(name);
    if (isModel || STAGED.test(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
