import { MpoError } from "@mpo/core";
import { invalidData } from "./data-error.ts";
import { requireSize } from "./data-file.ts";

/** Element types of `.npy` files that are read: unsigned and signed integers and floats, little endian. */
export type NpyType = "u1" | "i1" | "i2" | "i4" | "i8" | "f4" | "f8";

/** Values of an array; `i8` is read into f8, exactly or not at all. */
export type NpyData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** An n-dimensional array in C order. */
export interface NpyArray {
  readonly type: NpyType;
  readonly shape: readonly number[];
  readonly data: NpyData;
}

/** Where the data of a `.npy` file lies and what it is. */
export interface NpyHeader {
  readonly type: NpyType;
  readonly shape: readonly number[];
  /** Byte at which the data begins. */
  readonly dataOffset: number;
  /** Product of the shape. */
  readonly length: number;
}

const ITEM_BYTES: Readonly<Record<NpyType, number>> = { u1: 1, i1: 1, i2: 2, i4: 4, i8: 8, f4: 4, f8: 8 };
const MAGIC = "\x93NUMPY";
const MOST_DIMENSIONS = 32;

/** Bytes of one element. */
export function npyItemBytes(type: NpyType): number {
  return ITEM_BYTES[type];
}

/** How long the whole file must be. */
export function npyFileBytes(header: NpyHeader): number {
  return header.dataOffset + header.length * ITEM_BYTES[header.type];
}

/**
 * Decodes a whole `.npy` file (format 1 or 2 of NumPy's NEP 1); `file` names it in errors.
 * Throws `invalid-data` (file, byte offset, expected, found).
 */
export function decodeNpy(bytes: Uint8Array, file: string): NpyArray {
  const header = decodeNpyHeader(bytes, file);
  requireSize(file, npyFileBytes(header), bytes.length);
  return {
    type: header.type,
    shape: header.shape,
    data: decodeNpyValues(header.type, bytes.subarray(header.dataOffset), file, header.dataOffset),
  };
}

/** Decodes the header from the first bytes of a file. Throws `invalid-data`. */
export function decodeNpyHeader(head: Uint8Array, file: string): NpyHeader {
  const fail = (offsetBytes: number, expected: string, found: string): never => {
    throw invalidData({ file, offsetBytes, expected, found });
  };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 10) fail(head.length, "a .npy header", "the end of the file");
  const magic = latin1(head.subarray(0, MAGIC.length));
  if (magic !== MAGIC) fail(0, "the .npy magic \\x93NUMPY", JSON.stringify(magic));
  const major = head[6]!;
  if (major !== 1 && major !== 2) fail(6, "format version 1 or 2", String(major));
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
  const shapeText = field("shape", /'shape'\s*:\s*\(([\d\s,]*)\)/, "a tuple of sizes");
  if (order === "True") fail(textOffset, "C order", "'fortran_order': True");
  const type = npyType(descr);
  if (type === undefined) {
    return fail(textOffset, `an element type of ${Object.keys(ITEM_BYTES).join(", ")}, little endian`, `'${descr}'`);
  }
  const shape = shapeText
    .split(",")
    .map((size) => size.trim())
    .filter((size) => size !== "")
    .map(Number);
  if (shape.length > MOST_DIMENSIONS) fail(textOffset, `at most ${MOST_DIMENSIONS} dimensions`, String(shape.length));
  const length = shape.reduce((product, size) => product * size, 1);
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(length * 8)) {
    fail(textOffset, "a shape that fits in memory", `(${shapeText})`);
  }
  return { type, shape, dataOffset, length };
}

/**
 * Decodes consecutive elements; `firstByte` is where they begin in the file. Throws `invalid-data` on NaN and on i8
 * values beyond 2^53.
 */
export function decodeNpyValues(type: NpyType, bytes: Uint8Array, file: string, firstByte: number): NpyData {
  const length = bytes.length / ITEM_BYTES[type];
  if (type === "u1") return bytes.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = emptyData(type, length);
  const read = reader(type, view);
  for (let i = 0; i < length; i++) {
    const value = read(i);
    if (Number.isNaN(value) || (type === "i8" && !Number.isSafeInteger(value))) {
      const expected = type === "i8" ? "a whole number below 2^53" : "a number";
      throw invalidData({ file, offsetBytes: firstByte + i * ITEM_BYTES[type], expected, found: String(value) });
    }
    data[i] = value;
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
  const bytes = new Uint8Array(dataOffset + length * ITEM_BYTES[type]);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  bytes[6] = lengthBytes === 2 ? 1 : 2;
  const textOffset = MAGIC.length + 2 + lengthBytes;
  if (lengthBytes === 2) view.setUint16(8, dataOffset - textOffset, true);
  else view.setUint32(8, dataOffset - textOffset, true);
  const padded = `${text.padEnd(dataOffset - textOffset - 1)}\n`;
  for (let i = 0; i < padded.length; i++) bytes[textOffset + i] = padded.charCodeAt(i);
  const write = writer(type, view, dataOffset);
  for (let i = 0; i < length; i++) write(i, data[i]!);
  return bytes;
}

function npyType(descr: string): NpyType | undefined {
  const match = /^([<|=]?)([uif][1248])$/.exec(descr);
  const name = match?.[2];
  return name !== undefined && name in ITEM_BYTES ? (name as NpyType) : undefined;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function emptyData(type: Exclude<NpyType, "u1">, length: number): Exclude<NpyData, Uint8Array> {
  switch (type) {
    case "i1":
      return new Int8Array(length);
    case "i2":
      return new Int16Array(length);
    case "i4":
      return new Int32Array(length);
    case "f4":
      return new Float32Array(length);
    case "i8":
    case "f8":
      return new Float64Array(length);
  }
}

function reader(type: Exclude<NpyType, "u1">, view: DataView): (index: number) => number {
  switch (type) {
    case "i1":
      return (i) => view.getInt8(i);
    case "i2":
      return (i) => view.getInt16(2 * i, true);
    case "i4":
      return (i) => view.getInt32(4 * i, true);
    case "i8":
      return (i) => Number(view.getBigInt64(8 * i, true));
    case "f4":
      return (i) => view.getFloat32(4 * i, true);
    case "f8":
      return (i) => view.getFloat64(8 * i, true);
  }
}

function writer(type: NpyType, view: DataView, start: number): (index: number, value: number) => void {
  switch (type) {
    case "u1":
      return (i, value) => view.setUint8(start + i, value);
    case "i1":
      return (i, value) => view.setInt8(start + i, value);
    case "i2":
      return (i, value) => view.setInt16(start + 2 * i, value, true);
    case "i4":
      return (i, value) => view.setInt32(start + 4 * i, value, true);
    case "i8":
      return (i, value) => view.setBigInt64(start + 8 * i, BigInt(value), true);
    case "f4":
      return (i, value) => view.setFloat32(start + 4 * i, value, true);
    case "f8":
      return (i, value) => view.setFloat64(start + 8 * i, value, true);
  }
}
