import { copyFile, link, mkdir, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes, MIB, MpoError } from "@mpo/core";
import { type Clock, fileError, ifFound, syncFolder, writeJsonFile } from "@mpo/io";
import { type ArtifactVersion, artifactDigest, artifactManifestCodec, versionName } from "@mpo/protocol";
import type { ModelShelf } from "../ports/model-shelf.ts";
import { fileDigest, folderDigest } from "./model-digest.ts";
import { openPartialModel } from "./partial-model.ts";
import { publishModel } from "./publish-model.ts";
import { MANIFEST_FILE, readRetrainedManifest } from "./retrained-manifest.ts";
import { folderNameOf, SERVING_FOLDERS } from "./serving-folders.ts";

/** Hidden: it is no part of the model. */
const ARTIFACT_FILE = ".artifact";
/** What a fetched model leaves free for the program's inputs, and for retraining. */
const SPARE_BYTES = 64 * MIB;

export interface ModelShelfOptions {
  /** One sub-folder a model. */
  readonly root: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Free bytes of the disk of a folder. Default: as the system says. */
  readonly freeBytes?: (folder: string) => Promise<number>;
}

/** Published versions in the serving program's folders, `NAME/published`, each in a folder by its digest. */
export function modelShelf({ root, clock, random, freeBytes = freeOnDisk }: ModelShelfOptions): ModelShelf {
  const pathOf = (model: string, kind: keyof typeof SERVING_FOLDERS): string =>
    join(root, model, SERVING_FOLDERS[kind]);
  const folderOf = (model: string, { digest }: Pick<ArtifactVersion, "digest">): string =>
    join(pathOf(model, "published"), folderNameOf(digest));
  const manifestIn = async (folder: string): Promise<Uint8Array | undefined> => {
    const path = join(folder, ARTIFACT_FILE);
    return await ifFound(
      readFile(path).catch((thrown: unknown) => {
        throw fileError(thrown, "read", path);
      }),
    );
  };
  const has: ModelShelf["has"] = async (model, artifact) => {
    const manifest = await manifestIn(folderOf(model, artifact));
    return manifest !== undefined && artifactDigest(manifest) === artifact.digest;
  };
  return {
    has,
    receive: async (model, bytes, kept) => {
      const manifest = artifactManifestCodec.fromBytes(bytes);
      const digest = artifactDigest(bytes);
      const published = pathOf(model, "published");
      const name = `.fetching-${folderNameOf(digest)}`;
      const folder = join(published, name);
      try {
        await mkdir(folder, { recursive: true });
        const before = await readRetrainedManifest(pathOf(model, "retrained")).catch(() => undefined);
        const needed = [{ digest }, before?.current.source, before?.previous?.source, ...kept];
        await removeOthers(published, [name, ...needed.flatMap((one) => (one ? [folderNameOf(one.digest)] : []))]);
        const partial = await openPartialModel(folder, manifest, folderOf(model, { digest }));
        const neededBytes = partial.totalBytes - partial.hereBytes + SPARE_BYTES;
        const free = await freeBytes(folder);
        if (neededBytes > free) {
          const words = `${versionName(manifest)} needs ${formatBytes(neededBytes)} free on the disk of ${root}`;
          throw new MpoError("over-budget", `${words}; it has ${formatBytes(free)}`);
        }
        await writeFile(join(folder, ARTIFACT_FILE), bytes, { mode: 0o644 });
        return partial;
      } catch (thrown) {
        throw thrown instanceof MpoError ? thrown : fileError(thrown, "write into", folder);
      }
    },
    use: async (model, artifact) => {
      const retrained = pathOf(model, "retrained");
      if (await wentBack(retrained, artifact, clock)) return;
      if (artifact === undefined) return await removeManifest(retrained);
      const folder = folderOf(model, artifact);
      const names = await checkedFiles(folder, await manifestIn(folder), artifact);
      const staged = join(retrained, `.staged-${Math.floor(random() * 2 ** 32).toString(16)}`);
      await linkInto(folder, names, staged);
      await publishModel(retrained, staged, clock, { source: artifact });
    },
  };
}

/** Removes versions that nothing falls back to, and what was begun of others. */
async function removeOthers(published: string, needed: readonly string[]): Promise<void> {
  for (const name of await readdir(published)) {
    if (!needed.includes(name)) await rm(join(published, name), { recursive: true, force: true });
  }
}

/**
 * Serves what served before, where that was of this version: with all that it has learned on this device. False when it
 * was not, or is gone.
 */
async function wentBack(retrained: string, artifact: ArtifactVersion | undefined, clock: Clock): Promise<boolean> {
  const manifest = await readRetrainedManifest(retrained).catch(() => undefined);
  const previous = manifest?.previous;
  if (manifest === undefined || previous === undefined || previous.source?.digest !== artifact?.digest) return false;
  const digest = await folderDigest(join(retrained, previous.folder)).catch(() => undefined);
  if (digest !== previous.digest) return false;
  const version = manifest.version + 1;
  const publishedAtMs = Math.round(clock.now());
  await writeJsonFile(join(retrained, MANIFEST_FILE), { version, current: previous, publishedAtMs }, { mode: 0o644 });
  return true;
}

/** Without one, programs serve the model as it was deployed. */
async function removeManifest(retrained: string): Promise<void> {
  try {
    await rm(join(retrained, MANIFEST_FILE), { force: true });
    await mkdir(retrained, { recursive: true });
    await syncFolder(retrained);
  } catch (thrown) {
    throw fileError(thrown, "go back to the model as deployed in", retrained);
  }
}

/** The names of a version's files, each checked. Throws `invalid-data`; the version is then removed, and fetched again. */
async function checkedFiles(
  folder: string,
  manifest: Uint8Array | undefined,
  { version, digest }: ArtifactVersion,
): Promise<readonly string[]> {
  if (manifest !== undefined && artifactDigest(manifest) === digest) {
    const { files } = artifactManifestCodec.fromBytes(manifest);
    const found = await Promise.all(files.map(({ name }) => fileDigest(join(folder, name)).catch(() => undefined)));
    if (files.every((file, index) => file.digest === found[index])) return files.map(({ name }) => name);
  }
  await rm(folder, { recursive: true, force: true });
  throw new MpoError("invalid-data", `the files of version ${version} in ${folder} are not as they were published`);
}

/** The same files a second time, at no cost where the disk can; both are never changed. */
async function linkInto(folder: string, names: readonly string[], staged: string): Promise<void> {
  try {
    await mkdir(staged, { recursive: true });
    for (const name of names) {
      const [from, to] = [join(folder, name), join(staged, name)];
      await link(from, to).catch(() => copyFile(from, to));
    }
    await syncFolder(staged);
  } catch (thrown) {
    throw fileError(thrown, "write into", staged);
  }
}

async function freeOnDisk(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
