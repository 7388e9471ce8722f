import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { type AttrValue, attr } from "../graph/graph-proto.ts";
import { FETCHES } from "./program.ts";

/** TensorFlow's number of float64 (tensorflow/core/framework/types.proto): seconds since 1970 need its digits. */
const DOUBLE: AttrValue = { type: 2 };

/**
 * Reads the time between the parts of a step, inside the step: what each takes then is measured where it runs,
 * with the caches and threads that it really has. Stateful, so that no graph optimiser merges or folds it.
 */
export class StepClock {
  readonly #emit: GraphEmitter;
  readonly #stamps: string[] = [];

  constructor(emit: GraphEmitter) {
    this.#emit = emit;
  }

  /** A reading after all that was emitted before, and before all that comes after. */
  stamp(): void {
    this.#stamps.push(this.#emit.fenced(() => this.#emit.node("Timestamp", [])));
  }

  /** Emits what fetches all readings: float32 seconds since the first one. */
  emitReadings(): void {
    const emit = this.#emit;
    const [first = ""] = this.#stamps;
    const packed = emit.node("Pack", this.#stamps, { N: attr.int(this.#stamps.length), T: DOUBLE, axis: attr.int(0) });
    const since = emit.node("Sub", [packed, first], { T: DOUBLE });
    emit.named(FETCHES.clock, "Cast", [since], { SrcT: DOUBLE, DstT: "float" });
  }
}
