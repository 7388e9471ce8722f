import protobuf from "protobufjs";

/**
 * The part of TensorFlow's wire format that a step graph needs (tensorflow/core/framework and protobuf, names and field
 * numbers as there). Field numbers are the format; nothing else of TensorFlow's definitions is used.
 */
const DEFINITIONS = `
syntax = "proto3";
message TensorShape { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; bool unknown_rank = 3; }
message Tensor { int32 dtype = 1; TensorShape tensor_shape = 2; bytes tensor_content = 4; repeated bytes string_val = 8; }
message AttrValue {
  message ListValue { repeated bytes s = 2; repeated int64 i = 3 [packed = true]; repeated float f = 4 [packed = true];
    repeated int32 type = 6 [packed = true]; }
  oneof value { ListValue list = 1; bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; TensorShape shape = 7;
    Tensor tensor = 8; }
}
message NodeDef { string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5; }
message VersionDef { int32 producer = 1; int32 min_consumer = 2; }
message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
message TensorInfo { string name = 1; int32 dtype = 2; TensorShape tensor_shape = 3; }
message SignatureDef { map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3; }
message MetaInfoDef { repeated string tags = 4; string tensorflow_version = 5; }
message MetaGraphDef { MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2; map<string, SignatureDef> signature_def = 5; }
message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
`;

/** TensorFlow's numbers of the element types in use (tensorflow/core/framework/types.proto). */
export const DATA_TYPES = { float: 1, int32: 3, string: 7, bool: 10, resource: 20 } as const;
export type DataType = keyof typeof DATA_TYPES;

/** One attribute of a node, in protobufjs' plain form. */
export type AttrValue =
  | { readonly type: number }
  | { readonly i: number }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly s: Uint8Array }
  | { readonly shape: ShapeMessage }
  | {
      readonly list: {
        readonly i?: readonly number[];
        readonly s?: readonly Uint8Array[];
        readonly type?: readonly number[];
      };
    }
  | {
      readonly tensor: {
        readonly dtype: number;
        readonly tensorShape: ShapeMessage;
        readonly tensorContent?: Uint8Array;
        readonly stringVal?: readonly Uint8Array[];
      };
    };

/** Attributes of a node by name; the name of an element type stands for that type. */
export type Attributes = Readonly<Record<string, AttrValue | DataType>>;

export interface ShapeMessage {
  readonly dim: readonly { readonly size: number }[];
}

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input: readonly string[];
  readonly attr: Readonly<Record<string, AttrValue>>;
}

/** Parsed at first use. */
let savedModel: protobuf.Type | undefined;

/** Encodes a graph as the bytes of a `saved_model.pb` with the tag `serve` and no variables folder. */
export function encodeSavedModel(nodes: readonly NodeDef[]): Uint8Array {
  savedModel ??= protobuf.parse(DEFINITIONS, { keepCase: false }).root.lookupType("SavedModel");
  const message = savedModel.create({
    savedModelSchemaVersion: 1,
    metaGraphs: [
      {
        metaInfoDef: { tags: ["serve"], tensorflowVersion: "2.15.1" },
        graphDef: { node: nodes, versions: { producer: 1645, minConsumer: 12 } },
        signatureDef: {},
      },
    ],
  });
  return savedModel.encode(message).finish();
}

export const attr = {
  type: (type: DataType): AttrValue => ({ type: DATA_TYPES[type] }),
  int: (i: number): AttrValue => ({ i }),
  float: (f: number): AttrValue => ({ f }),
  bool: (b: boolean): AttrValue => ({ b }),
  text: (text: string): AttrValue => ({ s: Buffer.from(text, "utf8") }),
  ints: (i: readonly number[]): AttrValue => ({ list: { i } }),
  /** -1 is an unknown extent. */
  shape: (shape: readonly number[]): AttrValue => ({ shape: shapeMessage(shape) }),
  tensor: (type: DataType, shape: readonly number[], content: Uint8Array): AttrValue => ({
    tensor: { dtype: DATA_TYPES[type], tensorShape: shapeMessage(shape), tensorContent: content },
  }),
  textTensor: (text: string): AttrValue => ({
    tensor: { dtype: DATA_TYPES.string, tensorShape: shapeMessage([]), stringVal: [Buffer.from(text, "utf8")] },
  }),
} as const;

function shapeMessage(shape: readonly number[]): ShapeMessage {
  return { dim: shape.map((size) => ({ size })) };
}
