import { halfToNumber, MpoError } from "@mpo/core";
import { invalidData } from "./data-error.ts";
import { requireSize } from "./data-file.ts";

/** Element types of `.npy` files that are read: integers and floats. */
const ARRAYS = {
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  u8: BigUint64Array,
  i1: Int8Array,
  i2: Int16Array,
  i4: Int32Array,
  i8: BigInt64Array,
  f4: Float32Array,
  f8: Float64Array,
} as const;
export type NpyType = keyof typeof ARRAYS;

/** Values of an array; `i8` and `u8` are read into f8, exactly or not at all. */
export type NpyData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** An n-dimensional array in C order. */
export interface NpyArray {
  readonly type: NpyType;
  readonly shape: readonly number[];
  readonly data: NpyData;
}

/** Where the data of a `.npy` file lies and what it is. */
export interface NpyHeader {
  /** Half floats are read into f4. */
  readonly type: NpyType | "f2";
  readonly shape: readonly number[];
  readonly isBigEndian: boolean;
  /** The first index moves fastest, as in Fortran and in transposed arrays. */
  readonly isFortran: boolean;
  /** Byte at which the data begins. */
  readonly dataOffset: number;
  /** Product of the shape. */
  readonly length: number;
}

const MAGIC = "\x93NUMPY";
const MOST_DIMENSIONS = 32;

export function npyItemBytes(type: NpyHeader["type"]): number {
  return type === "f2" ? 2 : ARRAYS[type].BYTES_PER_ELEMENT;
}

/** How long the whole file must be. */
export function npyFileBytes(header: NpyHeader): number {
  return header.dataOffset + header.length * npyItemBytes(header.type);
}

/**
 * Decodes a whole `.npy` file (format 1, 2 or 3 of NumPy's NEP 1) into C order; `file` names it in errors.
 * Throws `invalid-data` (file, byte offset, expected, found).
 */
export function decodeNpy(bytes: Uint8Array, file: string): NpyArray {
  const header = decodeNpyHeader(bytes, file);
  requireSize(file, npyFileBytes(header), bytes.length);
  return decodeNpyData(header, new Uint8Array(bytes.subarray(header.dataOffset)), file);
}

/** Decodes what follows a header. `bytes` are alone in their buffer, which the array takes over. Throws `invalid-data`. */
export function decodeNpyData(header: NpyHeader, bytes: Uint8Array<ArrayBuffer>, file: string): NpyArray {
  const { shape } = header;
  const type = header.type === "f2" ? "f4" : header.type;
  const data = decodeNpyValues(header, bytes, file, header.dataOffset);
  return { type, shape, data: header.isFortran ? inCOrder(data, shape) : data };
}

/** Decodes the header from the first bytes of a file. Throws `invalid-data`. */
export function decodeNpyHeader(head: Uint8Array, file: string): NpyHeader {
  const fail = (offsetBytes: number, expected: string, found: string, hint?: string): never => {
    throw invalidData(file, offsetBytes, expected, found, { hint });
  };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 10) fail(head.length, "a .npy header", "the end of the file");
  const magic = latin1(head.subarray(0, MAGIC.length));
  if (magic !== MAGIC) fail(0, "the .npy magic \\x93NUMPY", JSON.stringify(magic));
  const major = head[6]!;
  if (major < 1 || major > 3) fail(6, "format version 1, 2 or 3", String(major));
  const textOffset = major === 1 ? 10 : 12;
  if (head.length < textOffset) fail(head.length, "a .npy header", "the end of the file");
  const textLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataOffset = textOffset + textLength;
  if (dataOffset > head.length) fail(8, `a header within the first ${head.length} bytes`, `${textLength} bytes of it`);

  const text = latin1(head.subarray(textOffset, dataOffset));
  const field = (name: string, pattern: RegExp, expected: string): string =>
    pattern.exec(text)?.[1] ?? fail(textOffset, `'${name}': ${expected}`, JSON.stringify(text.trim().slice(0, 120)));
  const descr = field("descr", /'descr'\s*:\s*'([^']*)'/, "a quoted element type");
  const order = field("fortran_order", /'fortran_order'\s*:\s*(True|False)\b/, "True or False");
  const shapeText = field("shape", /'shape'\s*:\s*\(([\dL\s,]*)\)/, "a tuple of sizes");
  const type = npyType(descr);
  if (type === undefined) {
    const hint =
      'Write numbers: images.astype("uint8") of 0 to 255, labels.astype("int64"), and names as their places.';
    return fail(textOffset, `an element type of ${Object.keys(ARRAYS).join(", ")}, f2`, `'${descr}'`, hint);
  }
  const shape = shapeText
    .split(",")
    // Python 2 writes its long numbers as 60L.
    .map((size) => size.replace("L", "").trim())
    .filter((size) => size !== "")
    .map(Number);
  if (shape.length > MOST_DIMENSIONS) fail(textOffset, `at most ${MOST_DIMENSIONS} dimensions`, String(shape.length));
  const length = shape.reduce((product, size) => product * size, 1);
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(length * 8)) {
    fail(textOffset, "a shape that fits in memory", `(${shapeText})`);
  }
  return { type, shape, dataOffset, length, isBigEndian: descr.startsWith(">"), isFortran: order === "True" };
}

/**
 * Decodes consecutive elements; `firstByte` is where they begin in the file. Throws `invalid-data` on NaN and on i8 and u8
 * values beyond 2^53.
 */
function decodeNpyValues(
  { type, isBigEndian }: Pick<NpyHeader, "type" | "isBigEndian">,
  { buffer }: Uint8Array<ArrayBuffer>,
  file: string,
  firstByte: number,
): NpyData {
  if (isBigEndian) swapBytes(Buffer.from(buffer), npyItemBytes(type));
  const isLong = type === "i8" || type === "u8";
  const data: NpyData =
    type === "f2"
      ? Float32Array.from(new Uint16Array(buffer), halfToNumber)
      : isLong
        ? Float64Array.from(new ARRAYS[type](buffer), Number)
        : new ARRAYS[type](buffer);
  const isWrong = isLong ? (value: number): boolean => !Number.isSafeInteger(value) : Number.isNaN;
  const bad = data.findIndex((value) => isWrong(value));
  if (bad >= 0) {
    const expected = isLong ? "a whole number below 2^53" : "a number";
    throw invalidData(file, firstByte + bad * npyItemBytes(type), expected, String(data[bad]));
  }
  return data;
}

/**
 * The `.npy` file (format 1, or 2 for a long header) of an array. Throws `invalid-argument` when shape and data differ.
 */
export function encodeNpy(array: NpyArray): Uint8Array {
  const { type, shape, data } = array;
  const length = shape.reduce((product, size) => product * size, 1);
  if (length !== data.length) {
    throw new MpoError("invalid-argument", `npy: expected ${length} values for (${shape}), got ${data.length}`);
  }
  const prefix = type === "u1" || type === "i1" ? "|" : "<";
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${prefix}${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // NumPy pads the header with spaces and a line end so that the data begins at a multiple of 64.
  const lengthBytes = text.length + 75 < 2 ** 16 ? 2 : 4;
  const unpadded = MAGIC.length + 2 + lengthBytes + text.length + 1;
  const dataOffset = Math.ceil(unpadded / 64) * 64;
  const bytes = new Uint8Array(dataOffset + length * npyItemBytes(type));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  bytes[6] = lengthBytes === 2 ? 1 : 2;
  const textOffset = MAGIC.length + 2 + lengthBytes;
  if (lengthBytes === 2) view.setUint16(8, dataOffset - textOffset, true);
  else view.setUint32(8, dataOffset - textOffset, true);
  const padded = `${text.padEnd(dataOffset - textOffset - 1)}\n`;
  for (let i = 0; i < padded.length; i++) bytes[textOffset + i] = padded.charCodeAt(i);
  const values = type === "i8" || type === "u8" ? new ARRAYS[type](Array.from(data, BigInt)) : new ARRAYS[type](data);
  bytes.set(new Uint8Array(values.buffer), dataOffset);
  return bytes;
}

/** Elements of an array whose first index moves fastest, in C order. */
function inCOrder(data: NpyData, shape: readonly number[]): NpyData {
  const ordered = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < data.length; to++) {
    ordered[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return ordered;
}

function swapBytes(bytes: Buffer, itemBytes: number): void {
  if (itemBytes === 2) bytes.swap16();
  else if (itemBytes === 4) bytes.swap32();
  else if (itemBytes === 8) bytes.swap64();
}

function npyType(descr: string): NpyHeader["type"] | undefined {
  const match = /^([<>|=]?)([uif][1248])$/.exec(descr);
  const name = match?.[2];
  return name !== undefined && (name === "f2" || name in ARRAYS) ? (name as NpyHeader["type"]) : undefined;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
