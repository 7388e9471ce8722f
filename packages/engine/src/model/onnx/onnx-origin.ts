import type { GraphMessage, ModelMessage } from "./onnx-messages.ts";
import type { Source } from "./source.ts";

/** What a model that was read from an ONNX file keeps of it, to be written as that file again. */
export interface OnnxOrigin {
  readonly message: ModelMessage & { readonly graph: GraphMessage };
  /** Where each of the engine's variables lies in the file. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Batch normalisations that were put back, by the convolution that holds them in the file (`folded-norms.ts`). */
  readonly norms?: ReadonlyMap<string, string>;
  /** Names of the classes in the file's metadata. */
  readonly classNames?: readonly string[] | undefined;
  /** What was assumed, for a person. */
  readonly notes: readonly string[];
}
