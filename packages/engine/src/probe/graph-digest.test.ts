import assert from "node:assert/strict";
import { test } from "node:test";
import { buildModel } from "../model/zoo/build-model.ts";
import { graphDigest } from "./graph-digest.ts";

const small = { model: "resnet20", norm: "batch", inputShape: [12, 12, 1], classes: 10 } as const;

test("graphDigest is of the structure: not of names of models, nor of the order of attributes", () => {
  const graph = buildModel(small);
  const shuffled = {
    name: "another name",
    output: graph.output,
    nodes: graph.nodes.map((node) => ({
      attributes: Object.fromEntries(Object.entries(node.attributes).reverse()),
      inputs: node.inputs,
      kind: node.kind,
      name: node.name,
    })),
  };
  assert.equal(graphDigest(shuffled as unknown as typeof graph), graphDigest(graph));
  assert.match(graphDigest(graph), /^[0-9a-f]{64}$/u);
});

test("graphDigest differs for graphs that cost differently", () => {
  const digests = [small, { ...small, classes: 11 }, { ...small, norm: "group" as const }].map((options) =>
    graphDigest(buildModel(options)),
  );
  assert.equal(new Set(digests).size, digests.length);
});
