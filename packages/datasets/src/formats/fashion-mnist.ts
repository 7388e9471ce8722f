import { isAbsolute, join, resolve } from "node:path";
import { hasCode } from "@mpo/core";
import type { ImageSet } from "../images/image-set.ts";
import type { Part } from "../images/part.ts";
import type { ReadOptions } from "./data-file.ts";
import { loadIdxFolder } from "./idx-folder.ts";

/** Class names of Fashion-MNIST (Xiao et al. 2017), by label. */
export const FASHION_MNIST_CLASSES: readonly string[] =
  "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot".split(", ");

/** The environment variables that say where data is kept. */
export interface DataEnvironment {
  readonly MPO_FASHION_MNIST?: string | undefined;
  readonly MPO_CACHE?: string | undefined;
  readonly XDG_CACHE_HOME?: string | undefined;
}

/**
 * The user's cache folder, as the set-up fills it: MPO_CACHE, or `mpoptimizer` in XDG_CACHE_HOME or ~/.cache. Empty
 * counts as unset, and so does a relative XDG_CACHE_HOME, as its rules say.
 */
export function cacheFolder(env: DataEnvironment, home: string): string {
  if (env.MPO_CACHE) return resolve(env.MPO_CACHE);
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : join(home, ".cache");
  return join(base, "mpoptimizer");
}

/** The folder of the four Fashion-MNIST files: MPO_FASHION_MNIST, or `fashion-mnist` in the user's cache folder. */
export function fashionMnistFolder(env: DataEnvironment, home: string): string {
  return env.MPO_FASHION_MNIST ? resolve(env.MPO_FASHION_MNIST) : join(cacheFolder(env, home), "fashion-mnist");
}

/** The folder of the digits that the set-up fetches: `mnist` (IDX) and `uci` (UCI digits). */
export function digitsFolder(env: DataEnvironment, home: string): string {
  return join(cacheFolder(env, home), "digits");
}

/** Loads a part of Fashion-MNIST. Throws as `loadIdxFolder` does, `not-found` with what to do. */
export async function loadFashionMnist(folder: string, part: Part, options: ReadOptions = {}): Promise<ImageSet> {
  return await loadIdxFolder(folder, part, { ...options, classNames: FASHION_MNIST_CLASSES }).catch(
    (thrown: unknown) => {
      if (!hasCode(thrown, "not-found")) throw thrown;
      throw thrown.with({
        hint: "Run `npm run setup` to fetch Fashion-MNIST, or point MPO_FASHION_MNIST at the folder that holds it.",
      });
    },
  );
}
