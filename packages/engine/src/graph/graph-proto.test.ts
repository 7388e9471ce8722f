import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { attr, type DATA_TYPES, encodeSavedModel, type NodeDef } from "./graph-proto.ts";

/** Written from tensorflow/core/framework/*.proto and core/protobuf/saved_model.proto (2.15), not from the encoder. */
const PEER = `
syntax = "proto3";
package tensorflow;
message SavedModel { int64 saved_model_schema_version = 1; repeated MetaGraphDef meta_graphs = 2; }
message MetaGraphDef {
  message MetaInfoDef { string meta_graph_version = 1; repeated string tags = 4; string tensorflow_version = 5; }
  MetaInfoDef meta_info_def = 1; GraphDef graph_def = 2;
}
message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
message VersionDef { int32 producer = 1; int32 min_consumer = 2; repeated int32 bad_consumers = 3; }
message NodeDef { string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, AttrValue> attr = 5; }
message AttrValue {
  message ListValue { repeated bytes s = 2; repeated int64 i = 3 [packed = true]; repeated float f = 4 [packed = true]; }
  oneof value { bytes s = 2; int64 i = 3; float f = 4; bool b = 5; DataType type = 6; TensorShapeProto shape = 7;
    TensorProto tensor = 8; ListValue list = 1; string placeholder = 9; }
}
message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; bool unknown_rank = 3; }
message TensorProto { DataType dtype = 1; TensorShapeProto tensor_shape = 2; int32 version_number = 3; bytes tensor_content = 4;
  repeated bytes string_val = 8; }
enum DataType { DT_INVALID = 0; DT_FLOAT = 1; DT_DOUBLE = 2; DT_INT32 = 3; DT_STRING = 7; DT_INT64 = 9; DT_BOOL = 10; DT_RESOURCE = 20; }
`;

interface DecodedNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, unknown>>;
}

function decode(bytes: Uint8Array): {
  readonly savedModelSchemaVersion: number;
  readonly metaGraphs: readonly [
    { readonly metaInfoDef: { readonly tags: readonly string[] }; readonly graphDef: { readonly node: DecodedNode[] } },
  ];
} {
  const type = protobuf.parse(PEER).root.lookupType("tensorflow.SavedModel");
  return type.toObject(type.decode(bytes), { longs: Number, enums: String, bytes: Array }) as ReturnType<typeof decode>;
}

function attributesOf(attributes: NodeDef["attr"]): Readonly<Record<string, unknown>> {
  const nodes = [{ name: "n", op: "Op", input: [], attr: attributes }];
  return decode(encodeSavedModel(nodes)).metaGraphs[0].graphDef.node[0]?.attr ?? {};
}

test("attributes of every kind arrive", () => {
  const attributes = {
    type: attr.type("resource"),
    int: attr.int(-5),
    zero: attr.int(0),
    float: attr.float(0.5),
    no: attr.bool(false),
    text: attr.text("SAME"),
    ints: attr.ints([1, 2, 300]),
    shape: attr.shape([-1, 32]),
    scalar: attr.shape([]),
    tensor: attr.tensor("float", [2], new Uint8Array(Float32Array.of(1, -2).buffer)),
    textTensor: attr.textTensor("17"),
  };
  assert.deepEqual(attributesOf(attributes), {
    type: { type: "DT_RESOURCE" },
    int: { i: -5 },
    zero: { i: 0 },
    float: { f: 0.5 },
    no: { b: false },
    text: { s: [...Buffer.from("SAME")] },
    ints: { list: { i: [1, 2, 300] } },
    shape: { shape: { dim: [{ size: -1 }, { size: 32 }] } },
    scalar: { shape: {} },
    tensor: {
      tensor: {
        dtype: "DT_FLOAT",
        tensorShape: { dim: [{ size: 2 }] },
        tensorContent: [...new Uint8Array(Float32Array.of(1, -2).buffer)],
      },
    },
    textTensor: { tensor: { dtype: "DT_STRING", tensorShape: {}, stringVal: [[...Buffer.from("17")]] } },
  });
});

test("element types have TensorFlow's numbers", () => {
  const names = { float: "DT_FLOAT", int32: "DT_INT32", string: "DT_STRING", bool: "DT_BOOL", resource: "DT_RESOURCE" };
  for (const [type, name] of Object.entries(names)) {
    assert.deepEqual(attributesOf({ T: attr.type(type as keyof typeof DATA_TYPES) }), { T: { type: name } });
  }
});

test("a saved model holds its nodes in order, in one graph with the tag serve", () => {
  const text = fc.string({ minLength: 1 });
  const node = fc.tuple(text, text, fc.array(text)).map(([name, op, input]) => ({ name, op, input }));
  fc.assert(
    fc.property(fc.array(node), (nodes) => {
      const decoded = decode(encodeSavedModel(nodes.map((each) => ({ ...each, attr: {} }))));
      assert.equal(decoded.savedModelSchemaVersion, 1);
      assert.equal(decoded.metaGraphs.length, 1);
      const [{ metaInfoDef, graphDef }] = decoded.metaGraphs;
      assert.deepEqual(metaInfoDef.tags, ["serve"]);
      const found = (graphDef.node ?? []).map(({ name, op, input = [] }) => ({ name, op, input }));
      assert.deepEqual(found, nodes);
    }),
    { seed: 1, numRuns: 50 },
  );
});
