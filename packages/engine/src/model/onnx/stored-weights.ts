import { elementsOf, type ModelWeights } from "../model-graph.ts";
import { constantOf } from "./constants.ts";
import { type NodeMessage, ONNX_TYPES, type TensorMessage } from "./onnx-messages.ts";
import type { OnnxOrigin } from "./onnx-origin.ts";
import type { Source } from "./source.ts";

/** What is to be written otherwise than it was read. */
export interface FileChanges {
  readonly tensors: Map<TensorMessage, TensorMessage>;
  /** New tensors, for weights that the file calculates or has once for several uses that now differ. */
  readonly added: readonly TensorMessage[];
  /** Names of a node's inputs, where a new tensor is one. */
  readonly inputs: ReadonlyMap<NodeMessage, string[]>;
}

/** A tensor of the file as it is put together from variables. */
interface Stored {
  readonly values: Float32Array;
  readonly isSet: Uint8Array;
}

/** Puts the engine's weights back to where they are from. */
export function changedTensors({ message, sources }: OnnxOrigin, weights: ModelWeights): FileChanges {
  const stored = new Map<TensorMessage, Stored>();
  const added: TensorMessage[] = [];
  const inputs = new Map<NodeMessage, string[]>();
  const names = new Set(message.graph.initializer.map(({ name }) => name));
  for (const [variable, source] of sources) {
    const values = weights.get(variable)!;
    if (putBack(stored, source, values)) continue;
    const { node, index } = source.use;
    const read = inputs.get(node) ?? [...node.input];
    const name = freeName(names, `${read[index]}_retrained`);
    added.push(newTensor(name, source, values));
    read[index] = name;
    inputs.set(node, read);
  }
  const tensors = new Map(
    [...stored].map(([tensor, { values }]): [TensorMessage, TensorMessage] => {
      return [tensor, { ...tensor, rawData: bytesOf(values), floatData: [] }];
    }),
  );
  return { tensors, added, inputs };
}

/** Writes a variable into its tensor; false: it has none, or another variable has put other numbers there. */
function putBack(stored: Map<TensorMessage, Stored>, source: Source, values: Float32Array): boolean {
  const { origin, arrange } = source;
  if (origin === undefined) return false;
  const { values: target, isSet } = storedOf(stored, origin.tensor);
  const places = arrange(origin.arrange(Int32Array.from(target, (_, place) => place)));
  const isTaken = places.some((place, index) => isSet[place] === 1 && target[place] !== values[index]);
  if (isTaken || places.length !== values.length) return false;
  for (const [index, place] of places.entries()) {
    target[place] = values[index]!;
    isSet[place] = 1;
  }
  return true;
}

function storedOf(stored: Map<TensorMessage, Stored>, tensor: TensorMessage): Stored {
  const known = stored.get(tensor);
  if (known !== undefined) return known;
  const values = constantOf(tensor, "").values as Float32Array;
  const made = { values, isSet: new Uint8Array(values.length) };
  stored.set(tensor, made);
  return made;
}

function newTensor(name: string, { shape, arrange }: Source, values: Float32Array): TensorMessage {
  const places = arrange(Int32Array.from({ length: elementsOf(shape) }, (_, place) => place));
  const read = new Float32Array(elementsOf(shape));
  for (const [index, place] of places.entries()) read[place] = values[index]!;
  return { name, dims: [...shape], dataType: ONNX_TYPES.float, rawData: bytesOf(read) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function freeName(names: Set<string | undefined>, wish: string): string {
  let name = wish;
  for (let count = 2; names.has(name); count++) name = `${wish}_${count}`;
  names.add(name);
  return name;
}
