import protobuf from "protobufjs";
import { ONNX_SCHEMA } from "../onnx/onnx-schema.ts";

/** ONNX's numbers of element types (TensorProto.DataType). */
const ELEMENTS = { float: 1, int64: 7 } as const;
/** 17 is the first with LayerNormalization; onnxruntime 1.12 of 2022 and TensorRT 8.6 read it. */
const OPSET = 17;
const IR_VERSION = 8;

/** One attribute of a node, with ONNX's number of its type (AttributeProto.AttributeType). */
interface Attribute {
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly floats?: readonly number[];
  readonly ints?: readonly number[];
}

export const attribute = {
  float: (f: number): Attribute => ({ type: 1, f }),
  int: (i: number): Attribute => ({ type: 2, i }),
  text: (text: string): Attribute => ({ type: 3, s: Buffer.from(text, "utf8") }),
  ints: (ints: readonly number[]): Attribute => ({ type: 7, ints }),
} as const;
export type OnnxAttributes = Readonly<Record<string, Attribute>>;

/** A tensor's name and its shape after the batch. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly number[];
}

interface Initializer {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

interface Node {
  readonly name: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly (Attribute & { readonly name: string })[];
}

/** Parsed at first use. */
let modelType: protobuf.Type | undefined;

/** An ONNX model, written node by node; the first extent of its input and output is the batch, of any size. */
export class OnnxDocument {
  readonly #nodes: Node[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #names = new Set<string>();

  /** Adds a node that computes the one tensor `output`, after which it is named, and gives this name. */
  node(opType: string, inputs: readonly string[], output: string, attributes: OnnxAttributes = {}): string {
    const named = Object.entries(attributes).map(([name, value]) => ({ name, ...value }));
    this.#names.add(output);
    this.#nodes.push({ name: output, opType, input: inputs, output: [output], attribute: named });
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
    return this.#put(name, dims, ELEMENTS.float, values);
  }

  ints(name: string, values: readonly number[]): string {
    return this.#put(name, [values.length], ELEMENTS.int64, BigInt64Array.from(values, BigInt));
  }

  /** One whole number, without an axis. */
  wholeNumber(name: string, value: number): string {
    return this.#put(name, [], ELEMENTS.int64, BigInt64Array.of(BigInt(value)));
  }

  /** The bytes of the file. */
  encode(facts: {
    readonly name: string;
    readonly input: OnnxValue;
    readonly output: OnnxValue;
    readonly metadata: Readonly<Record<string, string>>;
  }): Uint8Array {
    modelType ??= protobuf.parse(ONNX_SCHEMA, { keepCase: false }).root.lookupType("Model");
    const { name, input, output, metadata } = facts;
    const message = modelType.create({
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
      },
    });
    return modelType.encode(message).finish();
  }

  #put(
    name: string,
    dims: readonly number[],
    dataType: number,
    { buffer, byteOffset, byteLength }: ArrayBufferView,
  ): string {
    this.#initializers.set(name, { name, dims, dataType, rawData: new Uint8Array(buffer, byteOffset, byteLength) });
    return name;
  }
}

function valueInfo({ name, shape }: OnnxValue): object {
  const dim = [{ dimParam: "batch" }, ...shape.map((dimValue) => ({ dimValue }))];
  return { name, type: { tensorType: { elemType: ELEMENTS.float, shape: { dim } } } };
}
