import {
  type AttributeMessage,
  encodeOnnx,
  type NodeMessage,
  ONNX_TYPES,
  type TensorMessage,
  type ValueMessage,
} from "../onnx/onnx-messages.ts";

/** 17 is the first with LayerNormalization; onnxruntime 1.12 of 2022 and TensorRT 8.6 read it. */
const OPSET = 17;
const IR_VERSION = 8;

/** Attributes of a node, with ONNX's number of their type (AttributeProto.AttributeType). */
export const attribute = {
  float: (f: number): AttributeMessage => ({ type: 1, f }),
  int: (i: number): AttributeMessage => ({ type: 2, i }),
  text: (text: string): AttributeMessage => ({ type: 3, s: Buffer.from(text, "utf8") }),
  ints: (ints: readonly number[]): AttributeMessage => ({ type: 7, ints }),
} as const;
export type OnnxAttributes = Readonly<Record<string, AttributeMessage>>;

/** A tensor's name and its shape after the batch. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
}

/** An ONNX model, written node by node; the first extent of its input and output is the batch, of any size. */
export class OnnxDocument {
  readonly #nodes: NodeMessage[] = [];
  readonly #initializers = new Map<string, TensorMessage>();
  readonly #names = new Set<string>();

  /** Adds a node that computes the one tensor `output`, after which it is named, and gives this name. */
  node(opType: string, inputs: readonly string[], output: string, attributes: OnnxAttributes = {}): string {
    const named = Object.entries(attributes).map(([name, value]) => ({ name, ...value }));
    this.#names.add(output);
    this.#nodes.push({ name: output, opType, input: [...inputs], output: [output], attribute: named });
    return output;
  }

  /** A name that is not in use: that of a node with an ending. */
  helper(name: string, ending: string): string {
    let found = `${name}/${ending}`;
    while (this.#names.has(found) || this.#initializers.has(found)) found += "_";
    return found;
  }

  /** Adds fixed numbers under a name, and gives the name. */
  floats(name: string, dims: readonly number[], values: Float32Array): string {
    return this.#put(name, dims, ONNX_TYPES.float, values);
  }

  ints(name: string, values: readonly number[]): string {
    return this.#put(name, [values.length], ONNX_TYPES.int64, BigInt64Array.from(values, BigInt));
  }

  /** One whole number, without an axis. */
  wholeNumber(name: string, value: number): string {
    return this.#put(name, [], ONNX_TYPES.int64, BigInt64Array.of(BigInt(value)));
  }

  /** The bytes of the file. */
  encode(facts: {
    readonly name: string;
    readonly input: OnnxValue;
    readonly output: OnnxValue;
    readonly metadata: Readonly<Record<string, string>>;
  }): Uint8Array {
    const { name, input, output, metadata } = facts;
    return encodeOnnx({
      irVersion: IR_VERSION,
      producerName: "mpo",
      opsetImport: [{ domain: "", version: OPSET }],
      metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
      graph: {
        name,
        node: this.#nodes,
        initializer: [...this.#initializers.values()],
        input: [valueInfo(input)],
        output: [valueInfo(output)],
        sparseInitializer: [],
      },
      functions: [],
    });
  }

  #put(
    name: string,
    dims: readonly number[],
    dataType: number,
    { buffer, byteOffset, byteLength }: ArrayBufferView,
  ): string {
    this.#initializers.set(name, {
      name,
      dims: [...dims],
      dataType,
      rawData: new Uint8Array(buffer, byteOffset, byteLength),
    });
    return name;
  }
}

function valueInfo({ name, shape }: OnnxValue): ValueMessage {
  const dim = [{ dimParam: "batch" }, ...shape.map((dimValue) => ({ dimValue }))];
  return { name, type: { tensorType: { elemType: ONNX_TYPES.float, shape: { dim } } } };
}
