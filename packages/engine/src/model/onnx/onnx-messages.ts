import protobuf from "protobufjs";
import { invalid } from "../layers-format/file-errors.ts";
import { ONNX_SCHEMA } from "./onnx-schema.ts";

/** As protobufjs gives whole numbers of 64 bits. */
export type Int64 = number | { toNumber(): number };

/**
 * What is used of ONNX's messages; messages that are absent are null, numbers and texts then have their defaults. What else
 * they hold stays in them, and is written again.
 */
export interface Entry {
  readonly key?: string;
  readonly value?: string;
}

export interface TensorMessage {
  name?: string;
  dims?: Int64[];
  /** `ONNX_TYPES`. */
  dataType?: number;
  rawData?: Uint8Array;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: Int64[];
  doubleData?: number[];
  externalData?: Entry[];
  /** 1: in another file. */
  dataLocation?: number;
}

export interface AttributeMessage {
  readonly name?: string;
  readonly f?: number;
  readonly i?: Int64;
  readonly s?: Uint8Array;
  readonly t?: TensorMessage | null;
  readonly floats?: readonly number[];
  readonly ints?: readonly Int64[];
  readonly type?: number;
}

export interface NodeMessage {
  readonly name?: string;
  readonly opType?: string;
  readonly domain?: string;
  readonly input: string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeMessage[];
}

interface DimensionMessage {
  readonly dimValue?: Int64 | null;
  readonly dimParam?: string;
}

export interface ValueMessage {
  readonly name?: string;
  readonly type?: {
    readonly tensorType?: {
      readonly elemType?: number;
      readonly shape?: { readonly dim: readonly DimensionMessage[] } | null;
    } | null;
  } | null;
}

export interface GraphMessage {
  readonly name?: string;
  readonly node: readonly NodeMessage[];
  readonly initializer: TensorMessage[];
  readonly sparseInitializer: readonly unknown[];
  readonly input: readonly ValueMessage[];
  readonly output: readonly ValueMessage[];
}

export interface ModelMessage {
  readonly irVersion?: Int64;
  readonly producerName?: string;
  readonly producerVersion?: string;
  readonly opsetImport: readonly { readonly domain?: string; readonly version?: Int64 }[];
  readonly metadataProps: readonly Entry[];
  readonly functions: readonly { readonly name?: string }[];
  readonly graph?: GraphMessage | null;
}

/** ONNX's numbers of the element types that are read. */
export const ONNX_TYPES = { float: 1, int32: 6, int64: 7, bool: 9, float16: 10, double: 11 } as const;
/** Where a tensor's numbers are, when they are in another file. */
export const EXTERNAL = 1;

/** Parsed at first use. */
let root: protobuf.Root | undefined;

function modelType(): protobuf.Type {
  root ??= protobuf.parse(ONNX_SCHEMA, { keepCase: false }).root;
  return root.lookupType("Model");
}

/** Decodes the bytes of an `.onnx` file. Throws `invalid-data`. */
export function decodeOnnx(bytes: Uint8Array, file: string): ModelMessage & { readonly graph: GraphMessage } {
  let model: ModelMessage;
  try {
    model = modelType().decode(bytes) as unknown as ModelMessage;
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalid(file, `is damaged, or no ONNX model: ${text}`, "Copy the model again.");
  }
  const { graph } = model;
  if (!graph || graph.node.length === 0) {
    throw invalid(file, "has no graph, so it is damaged, or no ONNX model", "Copy the model again.");
  }
  return model as ModelMessage & { readonly graph: GraphMessage };
}

export function encodeOnnx(model: ModelMessage): Uint8Array {
  return modelType()
    .encode(model as object)
    .finish();
}

export function toNumber(value: Int64 | undefined): number {
  return typeof value === "object" ? value.toNumber() : (value ?? 0);
}
