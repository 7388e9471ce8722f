import { crc32, deflateSync } from "node:zlib";

/** The PNG file of a grey image (one channel) or a coloured one (three), of bytes. */
export function pngFile(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const row = pixels.length / height;
  const lines = Array.from({ length: height }, (_, y) => Buffer.from([0, ...pixels.subarray(y * row, (y + 1) * row)]));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, row === width ? 0 : 2], 8);
  const parts = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(lines))),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}

function chunk(kind: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}
