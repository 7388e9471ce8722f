import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { type Abortable, makeFolder, throwIfAborted, writeFileAtomic } from "@mpo/io";
import { MODEL_FILE_MODE } from "../layers-format/write-layers-model.ts";
import type { Model } from "../model-graph.ts";
import { checkWeights } from "../variables.ts";
import { isExternal, tensorsOf } from "./external-data.ts";
import { foldedAgain } from "./folded-norms.ts";
import { encodeOnnx, type GraphMessage, type NodeMessage, type TensorMessage } from "./onnx-messages.ts";
import { changedTensors, type FileChanges } from "./stored-weights.ts";

const HASH_DIGITS = 16;
const HASHED = /^[0-9a-f]{16}\.data$/;

/**
 * Writes a model that `readOnnxModel` read, with the weights it has now: the same nodes, names, operator set and metadata,
 * new numbers. Weights that lay in files beside the model lie in one again, `<file>-<hash>.data`, which is written first.
 *
 * Throws `invalid-argument` for a model from elsewhere and for weights that do not fit, `invalid-data` for numbers that are
 * not finite, `unavailable`, `cancelled`.
 */
export async function writeOnnxModel(model: Model, file: string, options: Abortable = {}): Promise<void> {
  const { onnx } = model;
  if (onnx === undefined) {
    throw new MpoError("invalid-argument", `model "${model.graph.name}" was not read from an ONNX file`, {
      hint: "Write it as a layers model: name a folder.",
    });
  }
  checkWeights(model);
  throwIfAborted(options.signal);
  const changes = changedTensors(onnx, foldedAgain(model, onnx));
  await makeFolder(dirname(file));
  const write = { ...options, mode: MODEL_FILE_MODE };
  const placed = onnx.message.graph;
  const external = tensorsOf(placed).filter(isExternal);
  if (external.length > 0) {
    const { name, bytes } = outside(file, external, changes);
    await writeFileAtomic(join(dirname(file), name), bytes, write);
    await writeFileAtomic(file, encodeOnnx({ ...onnx.message, graph: changedGraph(placed, changes) }), write);
    await removeOlder(file, name);
    return;
  }
  await writeFileAtomic(file, encodeOnnx({ ...onnx.message, graph: changedGraph(placed, changes) }), write);
}

function changedGraph(graph: GraphMessage, { tensors, added, inputs }: FileChanges): GraphMessage {
  const changed = (tensor: TensorMessage): TensorMessage => tensors.get(tensor) ?? tensor;
  return {
    ...graph,
    initializer: [...graph.initializer.map(changed), ...added],
    node: graph.node.map((node): NodeMessage => {
      const attribute = node.attribute.map((each) =>
        !each.t || !tensors.has(each.t) ? each : { ...each, t: changed(each.t) },
      );
      return { ...node, input: inputs.get(node) ?? node.input, attribute };
    }),
  };
}

/** Puts the numbers of external tensors into one file, and says in each where. */
function outside(
  file: string,
  external: readonly TensorMessage[],
  changes: FileChanges,
): { readonly name: string; readonly bytes: Uint8Array } {
  const parts = external.map((tensor) => changes.tensors.get(tensor)?.rawData ?? tensor.rawData ?? new Uint8Array());
  const bytes = Buffer.concat(parts);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, HASH_DIGITS);
  const name = `${basename(file)}-${digest}.data`;
  let offset = 0;
  for (const [place, tensor] of external.entries()) {
    const { length } = parts[place]!;
    const { rawData: _, ...rest } = changes.tensors.get(tensor) ?? tensor;
    const externalData = Object.entries({ location: name, offset, length }).map(([key, value]) => ({
      key,
      value: `${value}`,
    }));
    changes.tensors.set(tensor, { ...rest, externalData });
    offset += length;
  }
  return { name, bytes };
}

/** Data files of earlier models of this name. */
async function removeOlder(file: string, keep: string): Promise<void> {
  const begin = `${basename(file)}-`;
  for (const name of await readdir(dirname(file))) {
    const isOurs = name.startsWith(begin) && HASHED.test(name.slice(begin.length));
    if (isOurs && name !== keep) await rm(join(dirname(file), name), { force: true });
  }
}
