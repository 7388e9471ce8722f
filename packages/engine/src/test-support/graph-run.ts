import "./quiet-tensorflow.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr, encodeSavedModel } from "../graph/graph-proto.ts";
import { closeSession, type HostTensor, openSession, runSession } from "../session/tensorflow.ts";

/**
 * Emits a small graph, runs it once and returns the values of the tensors that `build` returns. Each feed is a
 * placeholder of its name, with the first extent open; the batch is the first extent of the first feed.
 */
export function runGraph(
  feeds: Readonly<Record<string, HostTensor>>,
  build: (emit: GraphEmitter) => readonly string[],
): readonly Float32Array[] {
  const emit = new GraphEmitter();
  let batch = 0;
  for (const [name, { data, shape }] of Object.entries(feeds)) {
    const open = shape.length === 0 ? [] : [-1, ...shape.slice(1)];
    const dtype = attr.type(data instanceof Int32Array ? "int32" : "float");
    emit.named(name, "Placeholder", [], { dtype, shape: attr.shape(open) });
    if (batch === 0) batch = shape[0] ?? 0;
  }
  emit.setBatch(emit.int(batch));
  const fetches = build(emit).map((tensor, index) => emit.named(`fetch${index}`, "Identity", [tensor], { T: "float" }));
  const folder = mkdtempSync(join(tmpdir(), "mpo-graph-run-"));
  try {
    writeFileSync(join(folder, "saved_model.pb"), encodeSavedModel(emit.nodes));
    const session = openSession(folder);
    try {
      return runSession(session, feeds, fetches).map((values) => Float32Array.from(values));
    } finally {
      closeSession(session);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
