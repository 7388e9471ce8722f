import type { GraphEmitter } from "../graph/graph-emitter.ts";

/** A scalar to fetch that waits for the given nodes. */
export function emitDone(emit: GraphEmitter, name: string, after: readonly string[]): void {
  emit.named(name, "Identity", [emit.float(0), ...after.map((node) => `^${node}`)], { T: "float" });
}
