import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { throwIfCancelled } from "./data-error.ts";
import type { ReadOptions } from "./data-file.ts";
import type { ImageSet } from "./image-set.ts";

/** The photographs that the published program draws from (it has a sixth, which it never draws). */
const PICTURES = ["frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"];

/**
 * The authors' photographs of ice, for `CorruptionOptions.frostPictures`, from a folder with `frost1.png` to `frost5.jpg`
 * of their repository. Throws `not-found` (one is missing or no picture) or `cancelled`.
 */
export async function loadFrostPictures(folder: string, { signal }: ReadOptions = {}): Promise<readonly ImageSet[]> {
  const { default: sharp } = await import("sharp");
  const pictures: ImageSet[] = [];
  for (const name of PICTURES) {
    throwIfCancelled(signal, `loading ${folder}`);
    const path = join(folder, name);
    const { data, info } = await sharp(path)
      .toColourspace("srgb")
      .removeAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true })
      .catch((thrown: unknown) => {
        throw new MpoError("not-found", `${path}: cannot be read: ${MpoError.from(thrown).message}`, {
          hint: `Expected ${PICTURES.join(", ")} of the authors' repository.`,
          cause: thrown,
        });
      });
    const images = Float32Array.from(data, (byte) => byte / 255);
    pictures.push({ images, count: 1, height: info.height, width: info.width, channels: info.channels });
  }
  return pictures;
}
