import { MpoError } from "@mpo/core";

/** A picture as three bytes a pixel. */
export interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const FILE_HEADER_BYTES = 14;
/** Compression, as the header numbers it: none, or none with masks that say where the colours are. */
const PLAIN = 0;
const MASKED = 3;
/** Bits of blue, green and red where nothing else says: the bytes' order in files of 32 bits. */
const USUAL_MASKS = [0xff, 0xff00, 0xff0000];

/** Whether a file is a Windows bitmap, by its first bytes. */
export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

/**
 * Decodes an uncompressed Windows bitmap of 1, 4, 8, 24 or 32 bits a pixel; transparency is not looked at, as few programs
 * write it. Throws `invalid-data` with what is wrong.
 *
 * Our own, as sharp reads no bitmaps and bmp-ts 1.0.9 (the kept one of the packages for them) ignores where the pixels
 * begin and gives up on odd widths of 4 bits, both without an error.
 */
export function decodeBmp(bytes: Uint8Array, mostPixels: number): RgbPixels {
  const fail = (why: string): never => {
    throw new MpoError("invalid-data", why);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + 40) return fail("the end of the file in a bitmap's header");
  const headerBytes = view.getUint32(FILE_HEADER_BYTES, true);
  if (headerBytes < 40) return fail(`a bitmap with an OS/2 header of ${headerBytes} bytes`);
  const width = view.getInt32(18, true);
  const height = Math.abs(view.getInt32(22, true));
  const isTopDown = view.getInt32(22, true) < 0;
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const hasUsualMasks =
    bytes.length >= 66 && [62, 58, 54].every((at, i) => view.getUint32(at, true) === USUAL_MASKS[i]);
  if (width < 1 || height < 1 || width * height > mostPixels) return fail(`a bitmap of ${width}x${height} pixels`);
  if (![1, 4, 8, 24, 32].includes(bits) || !(compression === PLAIN || (compression === MASKED && hasUsualMasks))) {
    return fail(`a bitmap of ${bits} bits a pixel and compression ${compression}, which is not supported`);
  }
  const start = view.getUint32(10, true);
  const palette = FILE_HEADER_BYTES + headerBytes;
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (start + height * rowBytes > bytes.length) return fail(`${bytes.length} bytes of ${start + height * rowBytes}`);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const row = start + (isTopDown ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++, to += 3) {
      const bit = x * bits;
      const packed = bytes[row + (bit >> 3)]!;
      const entry = (packed >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
      const from = bits > 8 ? row + (bit >> 3) : palette + 4 * entry;
      if (from + 2 >= bytes.length) return fail("a colour beyond the palette");
      data[to] = bytes[from + 2]!;
      data[to + 1] = bytes[from + 1]!;
      data[to + 2] = bytes[from]!;
    }
  }
  return { width, height, data };
}
