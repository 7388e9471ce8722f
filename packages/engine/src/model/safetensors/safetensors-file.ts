import { halfToNumber } from "@mpo/core";
import { checkJson, parseJson } from "@mpo/datasets";
import { z } from "zod";
import { invalid, unsupported } from "../layers-format/file-errors.ts";
import { elementsOf } from "../model-graph.ts";

/** One tensor of a file; its values are made when they are asked for. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Throws `unsupported` for other types than floats of 16 or 32 bits. */
  readonly values: () => Float32Array;
}

/** A tensor to be written. Counters are whole numbers of 64 bits. */
export interface WrittenTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

const LENGTH_BYTES = 8;
/** As the format's own library has it. */
const MOST_HEADER_BYTES = 100_000_000;
const METADATA = "__metadata__";
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, I16: 2, U16: 2, F16: 2, BF16: 2 },
  ...{ I32: 4, U32: 4, F32: 4, F64: 8, I64: 8, U64: 8 },
};

const whole = z.number().int().nonnegative();
const headerSchema = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(whole), data_offsets: z.tuple([whole, whole]) }),
);

/** Texts beside the tensors. */
type Metadata = Readonly<Record<string, string>>;

/**
 * The tensors of a `.safetensors` file: the length of a header (u64, little-endian), the header (JSON) and the numbers.
 * Throws `invalid-data`.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): ReadonlyMap<string, StoredTensor> {
  return decodeSafetensorsFile(bytes, file).tensors;
}

/** The same with the file's metadata. */
export function decodeSafetensorsFile(
  bytes: Uint8Array,
  file: string,
): { readonly tensors: ReadonlyMap<string, StoredTensor>; readonly metadata: Metadata } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < LENGTH_BYTES ? Number.NaN : Number(view.getBigUint64(0, true));
  const begin = LENGTH_BYTES + length;
  if (!(length <= MOST_HEADER_BYTES && begin <= bytes.length)) {
    throw invalid(
      file,
      "is damaged, or not a .safetensors file: its header does not fit into it",
      "Copy the file again.",
    );
  }
  const text = Buffer.from(bytes.subarray(LENGTH_BYTES, begin)).toString("utf8");
  const { [METADATA]: written, ...entries } = z.record(z.string(), z.unknown()).catch({}).parse(parseJson(text, file));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(checkJson(headerSchema, entries, file))) {
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = entry;
    const expected = elementsOf(shape) * (ELEMENT_BYTES[dtype] ?? Number.NaN);
    if (begin + to > bytes.length || (to - from !== expected && !Number.isNaN(expected)) || to < from) {
      throw invalid(
        file,
        `tensor "${name}" lies at bytes ${from} to ${to} of ${bytes.length - begin}; expected ${expected}`,
      );
    }
    // A copy, as numbers begin anywhere in the file.
    const data = (): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes.subarray(begin + from, begin + to));
    tensors.set(name, { dtype, shape, values: () => floatsOf(data(), dtype, name, file) });
  }
  return {
    tensors,
    metadata: z
      .record(z.string(), z.string())
      .catch({})
      .parse(written ?? {}),
  };
}

/** The bytes of a file of these tensors, in the order of their names. */
export function encodeSafetensors(tensors: ReadonlyMap<string, WrittenTensor>, metadata: Metadata = {}): Uint8Array {
  const sorted = [...tensors].toSorted(([left], [right]) => (left < right ? -1 : 1));
  let offset = 0;
  const entries = sorted.map(([name, { shape, values }]) => {
    const from = offset;
    offset += values.byteLength;
    const dtype = values instanceof Float32Array ? "F32" : "I64";
    return [name, { dtype, shape, data_offsets: [from, offset] }] as const;
  });
  const json = JSON.stringify({ [METADATA]: { format: "pt", ...metadata }, ...Object.fromEntries(entries) });
  const padded = json.padEnd(Math.ceil(Buffer.byteLength(json) / LENGTH_BYTES) * LENGTH_BYTES);
  const header = Buffer.from(padded, "utf8");
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = sorted.map(([, { values }]) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return Buffer.concat([length, header, ...data]);
}

/** The format is little-endian, as is every machine that TensorFlow runs on. */
function floatsOf({ buffer }: Uint8Array<ArrayBuffer>, dtype: string, name: string, file: string): Float32Array {
  if (dtype === "F32") return new Float32Array(buffer);
  if (dtype === "F16") return Float32Array.from(new Uint16Array(buffer), halfToNumber);
  // Of a float32 the upper half.
  if (dtype === "BF16") return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
  throw unsupported(file, `tensor "${name}" is of type ${dtype}; expected F32, F16 or BF16`);
}
