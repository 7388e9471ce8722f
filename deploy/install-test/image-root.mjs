/** The system of a container image, to run without a container runtime: read-only, with folders for its volumes. */
import { chown, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { IMAGE_USER, IMAGES } from "../release/images.mjs";
import { runTool } from "../release/tools.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */

/** Mounts for one command: what a runtime does for `read_only: true`. Its volumes lie in `ROOT.volumes`. */
export const INSIDE_IMAGE = `root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for volume in var/lib/mpo/agent var/lib/mpo/coordinator srv/mpo; do
	if [ -d "$root.volumes/$volume" ]; then mount --bind "$root.volumes/$volume" "$root/$volume"; fi
done
exec chroot "$root" "$@"`;

/** @param {string} root */
export function volumesOf(root) {
  return `${root}.volumes`;
}

/**
 * @param {SetupContext} context
 * @param {string} archive an image in OCI's form
 * @param {string} root a folder that is made
 */
export async function unpackImage(context, archive, root) {
  const layout = `${root}.layout`;
  await mkdir(layout, { recursive: true });
  await mkdir(root);
  await runTool(context, "tar", ["--extract", `--file=${archive}`, `--directory=${layout}`]);
  /** @param {{ digest: string }} descriptor */
  const blob = ({ digest }) => join(layout, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8"));
  const manifest = JSON.parse(await readFile(blob(index.manifests[0]), "utf8"));
  for (const layer of manifest.layers) {
    await runTool(context, "tar", ["--extract", "--gzip", `--file=${blob(layer)}`, `--directory=${root}`]);
  }
  const name = IMAGES.find((image) => archive.includes(`${image.name}_`))?.name;
  for (const volume of IMAGES.find((image) => image.name === name)?.volumes ?? []) {
    await mkdir(join(volumesOf(root), volume), { recursive: true, mode: 0o755 });
    await chown(join(volumesOf(root), volume), IMAGE_USER, IMAGE_USER);
    // As Debian's package makes it: what programs write there belongs to the group.
    if (volume === "/srv/mpo") await runTool(context, "chmod", ["2775", join(volumesOf(root), volume)]);
  }
}
