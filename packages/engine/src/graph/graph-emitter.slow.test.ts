import assert from "node:assert/strict";
import { test } from "node:test";
import { runGraph } from "../test-support/graph-run.ts";
import { GraphEmitter } from "./graph-emitter.ts";
import type { NodeDef } from "./graph-proto.ts";

function nodeNamed(emit: GraphEmitter, name: string): NodeDef {
  const node = emit.nodes.find((candidate) => candidate.name === name);
  assert.ok(node !== undefined, `there is no node ${name}`);
  return node;
}

function waitsFor(emit: GraphEmitter, name: string): readonly string[] {
  return nodeNamed(emit, name)
    .input.filter((input) => input.startsWith("^"))
    .map((input) => input.slice(1));
}

test("nodes have names of their own", () => {
  const emit = new GraphEmitter();
  const names = Array.from({ length: 5 }, () => emit.float32("Neg", emit.float(1)));
  assert.equal(new Set(names).size, 5);
  assert.equal(new Set(emit.nodes.map(({ name }) => name)).size, emit.nodes.length);
});

test("equal constants are one node; type, shape and value tell them apart", () => {
  const emit = new GraphEmitter();
  assert.equal(emit.float(2), emit.float(2));
  assert.equal(emit.ints([1, 2]), emit.ints([1, 2]));
  const different = [emit.float(2), emit.int(2), emit.floats([2]), emit.ints([2]), emit.float(3), emit.ints([2, 2])];
  different.push(
    emit.intMatrix([
      [2, 2],
      [2, 2],
    ]),
  );
  assert.equal(new Set(different).size, different.length);
});

test("constants never wait: any instruction may use them", () => {
  const emit = new GraphEmitter();
  emit.fenced(() => emit.float32("Neg", emit.float(1)));
  const constant = emit.fenced(() => emit.float(7));
  assert.deepEqual(nodeNamed(emit, constant).input, []);
});

test("every node of an instruction waits for the last node of the instruction before", () => {
  const emit = new GraphEmitter();
  const [a, b] = emit.fenced(() => [emit.float32("Neg", emit.float(1)), emit.float32("Exp", emit.float(1))] as const);
  const [c, d] = emit.fenced(() => [emit.float32("Neg", a), emit.float32("Abs", a)] as const);
  const e = emit.fenced(() => emit.float32("Neg", d));
  assert.deepEqual(waitsFor(emit, a), []);
  assert.deepEqual(waitsFor(emit, b), []);
  assert.deepEqual(waitsFor(emit, c), [b]);
  assert.deepEqual(waitsFor(emit, d), [b]);
  // It reads what it would wait for.
  assert.deepEqual(waitsFor(emit, e), []);
});

test("an instruction that emits nothing leaves the fence where it was", () => {
  const emit = new GraphEmitter();
  const a = emit.fenced(() => emit.float32("Neg", emit.float(1)));
  emit.fenced(() => undefined);
  const b = emit.fenced(() => emit.float32("Exp", emit.float(1)));
  assert.deepEqual(waitsFor(emit, b), [a]);
});

test("what is emitted aside waits for nothing, and nobody waits for it but the end", () => {
  const emit = new GraphEmitter();
  emit.fenced(() => emit.float32("Neg", emit.float(1)));
  let aside = "";
  const main = emit.fenced(() => {
    const node = emit.float32("Exp", emit.float(1));
    emit.aside(() => {
      aside = emit.float32("Abs", node);
    });
    return node;
  });
  const next = emit.fenced(() => emit.float32("Neg", emit.float(2)));
  assert.deepEqual(waitsFor(emit, aside), []);
  assert.deepEqual(waitsFor(emit, next), [main]);
  assert.deepEqual(emit.asides, [aside]);
});

test("unfenced nodes wait for nothing, and the fence is there again afterwards, also after a failure", () => {
  const emit = new GraphEmitter();
  const a = emit.fenced(() => emit.float32("Neg", emit.float(1)));
  const free = emit.unfenced(() => emit.float32("Exp", emit.float(1)));
  assert.throws(() =>
    emit.unfenced(() => {
      throw new Error("stop");
    }),
  );
  assert.deepEqual(waitsFor(emit, free), []);
  const b = emit.fenced(() => emit.float32("Abs", emit.float(1)));
  assert.deepEqual(waitsFor(emit, b), [a]);
  emit.endFence();
  assert.deepEqual(
    waitsFor(
      emit,
      emit.fenced(() => emit.float32("Abs", emit.float(1))),
    ),
    [],
  );
});

test("a batch shape is made once for each shape", () => {
  const emit = new GraphEmitter();
  assert.throws(() => emit.batchShape([2]), /setBatch/);
  emit.setBatch(emit.int(3));
  assert.equal(emit.batchShape([2, 2]), emit.batchShape([2, 2]));
  assert.notEqual(emit.batchShape([2, 2]), emit.batchShape([4]));
});

test("an emitted graph computes what it says", () => {
  const feeds = { x: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } };
  const [sums, means, flat] = runGraph(feeds, (emit) => [
    emit.fenced(() => emit.sum("x", [1], false)),
    emit.fenced(() => emit.mean("x", [0], true)),
    emit.fenced(() => emit.float32("Mul", emit.reshape("x", [-1]), emit.float(2))),
  ]);
  assert.deepEqual([...(sums ?? [])], [6, 15]);
  assert.deepEqual([...(means ?? [])], [2.5, 3.5, 4.5]);
  assert.deepEqual([...(flat ?? [])], [2, 4, 6, 8, 10, 12]);
});
