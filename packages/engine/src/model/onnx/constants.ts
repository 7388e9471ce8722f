import { halfToNumber } from "@mpo/core";
import { unsupported } from "../layers-format/file-errors.ts";
import { elementsOf } from "../model-graph.ts";
import { transposed } from "../transposed.ts";
import { ONNX_TYPES, type TensorMessage, toNumber } from "./onnx-messages.ts";
import type { Arrange, Numbers } from "./source.ts";

export type ElementType = "float" | "int" | "bool";

/** A tensor that does not depend on the model's input. */
export interface Constant {
  readonly kind: "constant";
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** Row-major; along `repeated` they are stored once. */
  readonly values: Numbers;
  /** What of the file its numbers are, in which order. Absent: they were calculated. */
  readonly origin?: { readonly tensor: TensorMessage; readonly arrange: Arrange };
  /** The axis of the batch, along which all are alike. */
  readonly repeated?: number;
}

export function constant(
  type: ElementType,
  shape: readonly number[],
  values: Numbers | readonly number[],
  origin?: Constant["origin"],
): Constant {
  const typed = type === "float" ? toFloats(values) : Float64Array.from(values);
  return { kind: "constant", type, shape, values: typed, ...(origin === undefined ? {} : { origin }) };
}

function toFloats(values: Numbers | readonly number[]): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

/** The tensor of a file. Throws `unsupported` for types that no model is calculated in. */
export function constantOf(tensor: TensorMessage, file: string): Constant {
  const shape = (tensor.dims ?? []).map(toNumber);
  const [type, values] = numbersOf(tensor, file);
  if (values.length !== elementsOf(shape)) {
    throw unsupported(file, `tensor "${tensor.name}" has ${values.length} numbers for the shape [${shape}]`);
  }
  const isExact = tensor.dataType === ONNX_TYPES.float;
  return constant(type, shape, values, isExact ? { tensor, arrange: (same) => same } : undefined);
}

function numbersOf(tensor: TensorMessage, file: string): readonly [ElementType, Numbers] {
  const { rawData, floatData = [], int32Data = [], int64Data = [], doubleData = [] } = tensor;
  const isRaw = rawData !== undefined && rawData.length > 0;
  // A copy, because what lies in a file need not lie at a multiple of a number's size.
  const raw = isRaw ? new Uint8Array(rawData).buffer : new ArrayBuffer(0);
  switch (tensor.dataType ?? 0) {
    case ONNX_TYPES.float:
      return ["float", isRaw ? new Float32Array(raw) : Float32Array.from(floatData)];
    case ONNX_TYPES.double:
      return ["float", Float32Array.from(isRaw ? new Float64Array(raw) : doubleData)];
    case ONNX_TYPES.float16:
      return ["float", Float32Array.from(isRaw ? new Uint16Array(raw) : int32Data, halfToNumber)];
    case ONNX_TYPES.int64:
      return [
        "int",
        isRaw ? Float64Array.from(new BigInt64Array(raw), Number) : Float64Array.from(int64Data, toNumber),
      ];
    case ONNX_TYPES.int32:
      return ["int", Float64Array.from(isRaw ? new Int32Array(raw) : int32Data)];
    case ONNX_TYPES.bool:
      return ["bool", Float64Array.from(isRaw ? new Uint8Array(raw) : int32Data)];
    default:
      throw unsupported(
        file,
        `tensor "${tensor.name}" is of ONNX's type ${tensor.dataType}; expected float32, float16, double, int32, int64 or bool`,
        "Quantised models have no weights that could be trained: export the model in float32.",
      );
  }
}

/** Values of an array of the same type at these places. */
export function gathered<T extends Numbers | Int32Array>(values: T, length: number, from: (to: number) => number): T {
  const result = (values.length === length ? values.slice() : emptyLike(values, length)) as T;
  for (let to = 0; to < length; to++) result[to] = values[from(to)]!;
  return result;
}

function emptyLike(values: Numbers | Int32Array, length: number): Numbers | Int32Array {
  if (values instanceof Float32Array) return new Float32Array(length);
  return values instanceof Float64Array ? new Float64Array(length) : new Int32Array(length);
}

/** Reorders a row-major array of this shape: axis `i` of the result is axis `order[i]`. */
export function transposition(shape: readonly number[], order: readonly number[]): Arrange {
  if (order.every((axis, position) => axis === position)) return (values) => values;
  return (values) => transposed(values, shape, order);
}

/** The constant in another order and shape, still known as what of the file it is. */
export function arranged(from: Constant, shape: readonly number[], arrange: Arrange): Constant {
  const { origin } = from;
  const after: Constant["origin"] = origin && {
    tensor: origin.tensor,
    arrange: (values) => arrange(origin.arrange(values)),
  };
  return constant(from.type, shape, arrange(from.values), after);
}
