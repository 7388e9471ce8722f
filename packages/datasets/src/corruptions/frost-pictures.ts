import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, throwIfAborted } from "@mpo/io";
import { invalidData } from "../formats/data-error.ts";
import type { ReadOptions } from "../formats/data-file.ts";
import type { ImageSet } from "../images/image-set.ts";

/** The photographs that the published program draws from (it has a sixth, which it never draws). */
const PICTURES = ["frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"];

/**
 * The authors' photographs of ice, for `CorruptionOptions.frostPictures`, from a folder with `frost1.png` to `frost5.jpg`
 * of their repository. Throws `not-found`, `invalid-data` (a file that cannot be decoded) or `cancelled`.
 */
export async function loadFrostPictures(folder: string, { signal }: ReadOptions = {}): Promise<readonly ImageSet[]> {
  const { default: sharp } = await import("sharp");
  const pictures: ImageSet[] = [];
  for (const name of PICTURES) {
    throwIfAborted(signal);
    const path = join(folder, name);
    const file = await readFile(path).catch((thrown: unknown) => {
      throw fileError(thrown, "read", path);
    });
    const { data, info } = await sharp(file)
      .toColourspace("srgb")
      .removeAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true })
      .catch((cause: unknown) => {
        const found = MpoError.from(cause).message;
        throw invalidData(path, 0, "a whole PNG or JPEG image", found, { cause });
      });
    const images = Float32Array.from(data, (byte) => byte / 255);
    pictures.push({ images, count: 1, height: info.height, width: info.width, channels: info.channels });
  }
  return pictures;
}
