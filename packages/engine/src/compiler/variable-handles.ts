import { MpoError, remembered } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";

/** The resource handles of a graph's variables, and a read of each where it is needed. */
export class VariableHandles {
  readonly #emit: GraphEmitter;
  readonly #handles = new Map<string, string>();

  constructor(emit: GraphEmitter) {
    this.#emit = emit;
  }

  /** Adds a variable; returns its handle. */
  declare(name: string, shape: readonly number[]): string {
    const handle = this.#emit.unfenced(() =>
      this.#emit.node("VarHandleOp", [], {
        dtype: "float",
        shape: attr.shape(shape),
        shared_name: attr.text(name),
        container: attr.text(""),
      }),
    );
    this.#handles.set(name, handle);
    return handle;
  }

  handle(name: string): string {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw new MpoError("internal", `no variable ${name} in the graph`);
    return handle;
  }

  /**
   * A function that reads variables once each. A read shares the variable's buffer, it copies nothing; the buffer is
   * written in place as soon as the last operation that read it has ended.
   */
  reader(): (name: string) => string {
    const reads = new Map<string, string>();
    return (name) =>
      remembered(reads, name, () =>
        this.#emit.unfenced(() => this.#emit.node("ReadVariableOp", [this.handle(name)], { dtype: "float" })),
      );
  }
}
