import "./onednn.ts";
import type * as Tensorflow from "@tensorflow/tfjs-node";
import { loadEngine } from "./engine-place.ts";

const tf = loadEngine<typeof Tensorflow>(process.env);

/** The part of tfjs-node's backend through which compiled graphs run (nodejs_kernel_backend, 4.22.0). */
interface SavedModelBackend {
  loadSavedModelMetaGraph(path: string, tags: string): number;
  runSavedModel(
    sessionId: number,
    inputs: readonly Tensorflow.Tensor[],
    inputInfos: readonly { readonly name: string }[],
    outputNames: readonly string[],
  ): Tensorflow.Tensor[];
  deleteSavedModel(sessionId: number): void;
}

/** A tensor on its way into or out of a session. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | string;
}

/** Loads a SavedModel folder into a session of its own; returns the session's id. */
export function openSession(folder: string): number {
  return backend().loadSavedModelMetaGraph(folder, "serve");
}

export function closeSession(sessionId: number): void {
  backend().deleteSavedModel(sessionId);
}

/** Runs the part of a session's graph that the fetched tensors need. Blocks until it is done. */
export function runSession(
  sessionId: number,
  feeds: Readonly<Record<string, HostTensor>>,
  fetches: readonly string[],
): readonly Float32Array[] {
  const names = Object.keys(feeds);
  const inputs = names.map((name) => {
    const { data, shape } = feeds[name]!;
    if (typeof data === "string") return tf.scalar(data, "string");
    return tf.tensor(data, [...shape], data instanceof Int32Array ? "int32" : "float32");
  });
  let outputs: Tensorflow.Tensor[] = [];
  try {
    outputs = backend().runSavedModel(
      sessionId,
      inputs,
      names.map((name) => ({ name: `${name}:0` })),
      fetches.map((name) => `${name}:0`),
    );
    return outputs.map((output) => output.dataSync() as Float32Array);
  } finally {
    tf.dispose(inputs);
    tf.dispose(outputs);
  }
}

/** Version of TensorFlow's library that the addon loads. */
export function tensorflowVersion(): string {
  const { binding } = tf.backend() as unknown as { readonly binding: { readonly TF_Version: string } };
  return binding.TF_Version;
}

function backend(): SavedModelBackend {
  return tf.backend() as unknown as SavedModelBackend;
}
