import sharp from "sharp";
import { forEachBounded } from "./bounded.ts";
import { atSeverity, type Corruption, checkCorruptible } from "./corruption-kernel.ts";
import { throwIfCancelled } from "./data-error.ts";
import { imageLength } from "./image-set.ts";

/** Images in libvips at a time; its own thread pool is no larger. */
const CONCURRENCY = 4;

/**
 * Written as JPEG of low quality and read back (libjpeg through sharp, 4:2:0 colour). Draws nothing at random: the seed
 * changes nothing. Severity table: Hendrycks & Dietterich 2019, CIFAR-10-C.
 */
export const jpegCompression: Corruption = async (set, severity, _seed, options = {}) => {
  checkCorruptible("jpeg_compression", set, severity);
  const quality = atSeverity([80, 65, 58, 50, 40], severity);
  const channels = set.channels as 1 | 3;
  const raw = { width: set.width, height: set.height, channels };
  const length = imageLength(set);
  const images = new Float32Array(set.images.length);
  await forEachBounded(set.count, CONCURRENCY, async (i) => {
    throwIfCancelled(options.signal, "jpeg_compression");
    const pixels = new Uint8Array(length);
    for (let p = 0; p < length; p++) pixels[p] = Math.round(set.images[i * length + p]! * 255);
    const grey = channels === 1;
    const jpeg = await sharp(pixels, { raw })
      .toColourspace(grey ? "b-w" : "srgb")
      .jpeg({ quality })
      .toBuffer();
    const decoded = await sharp(jpeg)
      .toColourspace(grey ? "b-w" : "srgb")
      .raw()
      .toBuffer();
    for (let p = 0; p < length; p++) images[i * length + p] = decoded[p]! / 255;
  });
  return { ...set, images };
};
