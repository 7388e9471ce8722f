import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { everythingGraph, randomModel } from "../../test-support/layers-format-testing.ts";
import { ONNX_SCHEMA } from "../onnx/onnx-schema.ts";
import { withInputForm } from "../stated-input.ts";
import { encodeOnnxModel } from "./export-onnx.ts";

interface Decoded {
  readonly opsetImport: readonly { readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
  readonly graph: {
    readonly node: readonly { readonly name: string; readonly output: readonly string[] }[];
    readonly initializer: readonly { readonly name: string }[];
    readonly input: readonly Value[];
    readonly output: readonly Value[];
  };
}
interface Value {
  readonly name: string;
  readonly type: { readonly tensorType: { readonly shape: { readonly dim: readonly object[] } } };
}

function decoded(bytes: Uint8Array): Decoded {
  const type = protobuf.parse(ONNX_SCHEMA, { keepCase: false }).root.lookupType("Model");
  return type.toObject(type.decode(bytes), { longs: Number }) as Decoded;
}

void test("nodes, variables, input and output keep their names; the batch is free; metadata say what goes with it", () => {
  const { graph, weights } = randomModel(everythingGraph(), 1);
  const model = { graph: withInputForm(graph, { range: "symmetric" }), weights };
  const file = decoded(encodeOnnxModel(model, { classNames: ["a", "b", "c"] }));
  const outputs = new Set(file.graph.node.flatMap(({ output }) => output));
  assert.deepEqual(
    graph.nodes.filter(({ name, kind }) => kind !== "input" && !outputs.has(name)),
    [],
  );
  const initializers = new Set(file.graph.initializer.map(({ name }) => name));
  assert.deepEqual(
    [...weights.keys()].filter((name) => !initializers.has(name)),
    [],
  );
  assert.equal(file.opsetImport[0]?.version, 17);
  const [input, output] = [file.graph.input[0], file.graph.output[0]];
  assert.equal(input?.name, "images");
  assert.deepEqual(input.type.tensorType.shape.dim, [
    { dimParam: "batch" },
    ...[4, 10, 9].map((dimValue) => ({ dimValue })),
  ]);
  assert.equal(output?.name, "softmax");
  assert.deepEqual(
    Object.fromEntries(file.metadataProps.map(({ key, value }) => [key, JSON.parse(value) as unknown])),
    {
      input: { range: "symmetric" },
      classNames: ["a", "b", "c"],
    },
  );
});
