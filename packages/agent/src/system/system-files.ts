import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The system's own files (`/proc`, `/sys`, `/etc`) under a root folder, so that other boards can be tested with a tree
 * that looks like theirs. What cannot be read is undefined: every board lacks something.
 */
export class SystemFiles {
  readonly #root: string;

  /** `root`: "/" on a real machine. */
  constructor(root: string = "/") {
    this.#root = root;
  }

  /** The whole text without the zero bytes and line ends around it. */
  async text(path: string): Promise<string | undefined> {
    try {
      const text = await readFile(join(this.#root, path), "utf8");
      return text.replaceAll("\0", " ").trim();
    } catch {
      return undefined;
    }
  }

  /** The text as one finite number. */
  async number(path: string): Promise<number | undefined> {
    const text = await this.text(path);
    if (text === undefined || text === "") return undefined;
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }

  /** Names in a folder, sorted; none when there is no such folder. */
  async names(folder: string): Promise<readonly string[]> {
    try {
      return (await readdir(join(this.#root, folder))).toSorted();
    } catch {
      return [];
    }
  }
}
