import "./onednn.ts";
import { loadEngine } from "./engine-place.ts";

/**
 * The part of tfjs-node's addon through which compiled graphs run (4.22.0). It is loaded without the JavaScript around it,
 * which would hold 20 MiB. Tensors share the memory of the arrays they are made from.
 */
interface Addon {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_STRING: number;
  createTensor(shape: readonly number[], type: number, data: Float32Array | Int32Array | readonly Uint8Array[]): number;
  tensorDataSync(tensor: number): Float32Array;
  deleteTensor(tensor: number): void;
  loadSavedModel(folder: string, tags: string): number;
  runSavedModel(
    session: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): readonly { readonly id: number }[];
  deleteSavedModel(session: number): void;
}

const addon = loadEngine<Addon>(process.env);

/** A tensor on its way into or out of a session. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | string;
}

/** Loads a SavedModel folder into a session of its own; returns the session's id. */
export function openSession(folder: string): number {
  return addon.loadSavedModel(folder, "serve");
}

export function closeSession(sessionId: number): void {
  addon.deleteSavedModel(sessionId);
}

/** Runs the part of a session's graph that the fetched tensors need. Blocks until it is done. */
export function runSession(
  sessionId: number,
  feeds: Readonly<Record<string, HostTensor>>,
  fetches: readonly string[],
): readonly Float32Array[] {
  const tensors: number[] = [];
  try {
    for (const feed of Object.values(feeds)) tensors.push(tensorOf(feed));
    const outputs = addon.runSavedModel(sessionId, tensors, outputsOf(Object.keys(feeds)), outputsOf(fetches));
    tensors.push(...outputs.map(({ id }) => id));
    return outputs.map(({ id }) => addon.tensorDataSync(id));
  } finally {
    for (const tensor of tensors) addon.deleteTensor(tensor);
  }
}

/** Version of TensorFlow's library that the addon loads. */
export function tensorflowVersion(): string {
  return addon.TF_Version;
}

function tensorOf({ data, shape }: HostTensor): number {
  if (typeof data === "string") return addon.createTensor(shape, addon.TF_STRING, [new TextEncoder().encode(data)]);
  return addon.createTensor(shape, data instanceof Int32Array ? addon.TF_INT32 : addon.TF_FLOAT, data);
}

/** The first output of each node. */
function outputsOf(nodes: readonly string[]): string {
  return nodes.map((node) => `${node}:0`).join(",");
}
