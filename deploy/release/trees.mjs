/** Folders of files on their way into a package: copied with a filter, and made the same wherever they are built. */
import { chmod, copyFile, lutimes, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What nothing reads when a program runs: sources' maps and types, and documents other than licences. */
const NOT_SHIPPED =
  /(?:\.map|\.d\.[cm]?ts|\.tsbuildinfo|\.min\.js\.html|\.flow)$|(?:^|\/)(?:\.package-lock\.json|\.bin|\.github)(?:\/|$)/u;
const IS_DOCUMENT = /\.(?:md|markdown)$/iu;
const IS_LICENCE = /(?:^|\/)(?:licen[cs]e|copying|notice|third)[^/]*$/iu;

/**
 * @param {string} path relative to the tree
 * @returns {boolean}
 */
export function isShipped(path) {
  if (NOT_SHIPPED.test(path)) return false;
  return !IS_DOCUMENT.test(path) || IS_LICENCE.test(path);
}

/**
 * Copies a folder; links stay links.
 * @param {string} from
 * @param {string} to
 * @param {(path: string) => boolean} [wanted] asked for each path relative to the tree, folders too
 * @param {string} [below]
 */
export async function copyTree(from, to, wanted = () => true, below = "") {
  for (const entry of await readdir(join(from, below), { withFileTypes: true })) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (!wanted(path)) continue;
    const target = join(to, path);
    if (entry.isDirectory()) await copyTree(from, to, wanted, path);
    else {
      await mkdir(dirname(target), { recursive: true });
      if (entry.isSymbolicLink()) await symlink(await readlink(join(from, path)), target);
      else await copyFile(join(from, path), target);
    }
  }
}

/**
 * Gives every file the rights and the time that it has in every build.
 * @param {string} folder
 * @param {number} epoch seconds
 * @returns {Promise<number>} bytes of its files
 */
export async function normalise(folder, epoch) {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await normalise(path, epoch);
    else if (!entry.isSymbolicLink()) {
      const { mode, size } = await stat(path);
      bytes += size;
      await chmod(path, (mode & 0o111) === 0 ? 0o644 : 0o755);
    }
    await lutimes(path, epoch, epoch);
  }
  await chmod(folder, 0o755);
  await lutimes(folder, epoch, epoch);
  return bytes;
}
