import { type FileHandle, open } from "node:fs/promises";
import { dirname, join, normalize, sep } from "node:path";
import { type Abortable, fileError, throwIfAborted } from "@mpo/io";
import { invalid } from "../layers-format/file-errors.ts";
import { EXTERNAL, type GraphMessage, type TensorMessage } from "./onnx-messages.ts";

/** All tensors of a graph that the file holds: initializers, and those of Constant nodes. */
export function tensorsOf(graph: GraphMessage): readonly TensorMessage[] {
  const inNodes = graph.node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []));
  return [...graph.initializer, ...inNodes];
}

export function isExternal({ dataLocation }: TensorMessage): boolean {
  return dataLocation === EXTERNAL;
}

/**
 * Reads what a model keeps in files beside its own into its tensors, which still say where it is from.
 * Throws `not-found`, `invalid-data` and `cancelled`.
 */
export async function readExternalData(file: string, graph: GraphMessage, { signal }: Abortable): Promise<void> {
  const files = new Map<string, FileHandle>();
  try {
    for (const tensor of tensorsOf(graph).filter(isExternal)) {
      throwIfAborted(signal);
      const place = placeOf(tensor);
      const path = join(dirname(file), place.location);
      const isBeside = path.startsWith(join(normalize(dirname(file)), sep));
      if (place.location === "" || !isBeside) {
        throw invalid(file, `tensor "${tensor.name}" is in "${place.location}"; expected a file in the model's folder`);
      }
      const handle = files.get(path) ?? (await openData(path, file));
      files.set(path, handle);
      const { size } = await handle.stat();
      const length = place.length ?? size - place.offset;
      const bytes = new Uint8Array(Math.max(0, length));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, place.offset);
      if (bytesRead < length) {
        throw invalid(path, `ends at byte ${size}; tensor "${tensor.name}" needs ${length} from byte ${place.offset}`);
      }
      tensor.rawData = bytes;
    }
  } finally {
    for (const handle of files.values()) await handle.close();
  }
}

async function openData(path: string, model: string): Promise<FileHandle> {
  return await open(path, "r").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path).with({ hint: `${model} keeps its weights in this file: copy both` });
  });
}

interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

function placeOf({ externalData = [] }: TensorMessage): Place {
  const entries = new Map(externalData.map(({ key, value }) => [key, value] as const));
  const length = entries.get("length");
  return {
    location: entries.get("location") ?? "",
    offset: Number(entries.get("offset") ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}
