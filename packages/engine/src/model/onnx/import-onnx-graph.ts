import { MpoError } from "@mpo/core";
import { unsupported } from "../layers-format/file-errors.ts";
import type { Model, SampleShape } from "../model-graph.ts";
import { ACTIVATION_IMPORTS } from "./activation-import.ts";
import { ARITHMETIC_IMPORTS } from "./arithmetic-import.ts";
import { type Constant, constantOf } from "./constants.ts";
import { DENSE_IMPORTS } from "./dense-import.ts";
import { Draft } from "./draft.ts";
import { foldArithmetic } from "./fold-arithmetic.ts";
import { FOLDS } from "./fold-movement.ts";
import { fused, type NodeView } from "./fusions.ts";
import { ImportState } from "./import-state.ts";
import { JOIN_IMPORTS } from "./join-import.ts";
import { type Atom, extentOf, shapeOf, type Variable } from "./layout.ts";
import { MOVEMENT_IMPORTS, type OnnxImport } from "./movement-import.ts";
import { NORM_IMPORTS } from "./norm-import.ts";
import { type GraphMessage, type ModelMessage, ONNX_TYPES, toNumber, type ValueMessage } from "./onnx-messages.ts";
import { notSupported, type OnnxNode, onnxNode } from "./onnx-node.ts";
import { atomsOf, placed, sampleAxes } from "./placing.ts";
import { REDUCE_IMPORTS } from "./reduce-import.ts";
import type { Source } from "./source.ts";
import { WINDOW_IMPORTS } from "./window-import.ts";

const IMPORTS: Readonly<Record<string, OnnxImport>> = {
  ...MOVEMENT_IMPORTS,
  ...WINDOW_IMPORTS,
  ...NORM_IMPORTS,
  ...ACTIVATION_IMPORTS,
  ...ARITHMETIC_IMPORTS,
  ...DENSE_IMPORTS,
  ...REDUCE_IMPORTS,
  ...JOIN_IMPORTS,
};

/** Stands for an open batch: no model has an extent that it divides, so it is known wherever it comes out. */
const BATCH = 1_009;

const OLDEST_OPSET = 13;
const NEWEST_OPSET = 22;

/** An engine's model from a file's graph, and where its weights lie in the file. */
export interface ImportedOnnx extends Pick<Model, "graph" | "weights"> {
  readonly sources: ReadonlyMap<string, Source>;
  readonly notes: readonly string[];
}

/**
 * Imports the graph of an ONNX file. Constants are folded, axes are followed by their names, not by moving numbers, and
 * images are kept `[height, width, channels]` whatever the file does. Throws `unsupported` naming the node.
 */
export function importOnnxGraph(
  model: ModelMessage & { readonly graph: GraphMessage },
  file: string,
  wantedOutput?: string,
): ImportedOnnx {
  const opset = opsetOf(model, file);
  const { graph } = model;
  const tensors = new Map(graph.initializer.map((tensor) => [tensor.name ?? "", tensor] as const));
  const input = inputOf(graph, new Set(tensors.keys()), file);
  const output = outputOf(graph, file, wantedOutput);
  const all = graph.node.map((message, position) => onnxNode(message, position, file));
  const constants = new Map<string, Constant>();
  const tensorNamed = (name: string): Constant | undefined => {
    const known = constants.get(name);
    const tensor = tensors.get(name);
    if (known !== undefined || tensor === undefined) return known;
    const made = constantOf(tensor, file);
    constants.set(name, made);
    return made;
  };
  const plain = needed(all, output);
  const nodes = needed(fused(viewOf(plain, tensorNamed)), output);
  const { draft, variable, batch, note } = begun(graph.name ?? "onnx", input, nodes, file);
  const state = new ImportState(draft, batch, opset, nodes);
  if (note !== undefined) state.note(note);
  state.set(input.name, variable);
  for (const node of nodes) {
    for (const name of node.inputs) {
      const tensor = state.find(name) === undefined ? tensorNamed(name) : undefined;
      if (tensor !== undefined) state.set(name, tensor);
    }
    importNode(node, state, file);
  }
  const result = state.find(output);
  if (result?.kind !== "variable") throw unsupported(file, `its output "${output}" is not calculated from its input`);
  const end = nodes.at(-1)!;
  const classes = explained(file, () => {
    const axes = sampleAxes(state, result, end);
    return placed(state, result, [axes.flat()], end).node;
  });
  if (extentOf(result.axes.slice(1).flat()) !== (shapeOf(result)[1] ?? 0)) {
    throw unsupported(file, `its output "${output}" has the shape [${shapeOf(result)}]; expected [batch, classes]`);
  }
  return { ...explained(file, () => draft.finish(classes)), notes: [...state.notes] };
}

function importNode(node: OnnxNode, state: ImportState, file: string): void {
  explained(file, () => {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : state.find(name)));
    if (inputs.every((value) => value === undefined || value.kind === "constant")) {
      const folded = fold(node, inputs as readonly Constant[], state);
      for (const [place, value] of folded.entries()) state.set(node.outputs[place] ?? "", value);
      return;
    }
    const add = IMPORTS[node.op];
    if (add === undefined) {
      throw notSupported(
        node,
        "this operator is not supported",
        `Supported are ${Object.keys(IMPORTS)
          .filter((op) => !op.startsWith("mpo."))
          .toSorted()
          .join(", ")}.`,
      );
    }
    add(node, state);
  });
}

function fold(node: OnnxNode, inputs: readonly Constant[], state: ImportState): readonly Constant[] {
  const missing = node.inputs.find((name) => name !== "" && state.find(name) === undefined);
  if (missing !== undefined)
    throw new MpoError("invalid-data", `node "${node.name}" reads "${missing}", which is not before it`);
  const folded = FOLDS[node.op]?.(node, inputs, state.batch.extent) ?? foldArithmetic(node, inputs);
  if (folded === undefined) throw notSupported(node, "of constants, this operator is not calculated here");
  return Array.isArray(folded) ? (folded as readonly Constant[]) : [folded as Constant];
}

/** Names the file, and says `unsupported` where the engine's own checks say `invalid-argument`. */
function explained<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const error = MpoError.from(thrown);
    const code = error.code === "invalid-argument" ? "unsupported" : error.code;
    throw error.with({ code, message: `${file}: ${error.message}` });
  }
}

function opsetOf({ opsetImport, functions }: ModelMessage, file: string): number {
  const own = opsetImport.find(({ domain = "" }) => domain === "" || domain === "ai.onnx");
  const opset = toNumber(own?.version);
  if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
    throw unsupported(
      file,
      `it uses ONNX's operators of version ${opset}; supported are ${OLDEST_OPSET} to ${NEWEST_OPSET}`,
      "Export it again with opset_version=18, or convert it with onnx.version_converter.",
    );
  }
  if (functions.length > 0) {
    throw unsupported(
      file,
      `it has a function of its own, ${functions[0]?.name}`,
      "Inline it: onnx.inliner.inline_local_functions",
    );
  }
  return opset;
}

interface InputValue {
  readonly name: string;
  /** Undefined: open. */
  readonly extents: readonly (number | undefined)[];
}

function inputOf({ input }: GraphMessage, tensors: ReadonlySet<string>, file: string): InputValue {
  const inputs = input.filter(({ name = "" }) => !tensors.has(name));
  const [only] = inputs;
  if (only === undefined || inputs.length > 1) {
    const names = inputs.map(({ name }) => name).join(", ");
    throw unsupported(file, `it has ${inputs.length} inputs (${names}); expected one`);
  }
  const { name = "", type } = only;
  if (type?.tensorType?.elemType !== ONNX_TYPES.float) {
    throw unsupported(
      file,
      `its input "${name}" is of ONNX's type ${type?.tensorType?.elemType}; expected float32`,
      "Export the model in float32.",
    );
  }
  return { name, extents: extentsOf(only) };
}

function extentsOf({ type }: ValueMessage): readonly (number | undefined)[] {
  const dims = type?.tensorType?.shape?.dim ?? [];
  return dims.map(({ dimValue }) =>
    dimValue === undefined || dimValue === null || toNumber(dimValue) <= 0 ? undefined : toNumber(dimValue),
  );
}

/** The one that was asked for, else the only one, else the only one of `[batch, classes]`. */
function outputOf({ output }: GraphMessage, file: string, wanted: string | undefined): string {
  const names = output.map(({ name = "" }) => name);
  const flat = output.filter((value) => extentsOf(value).length === 2);
  const [only] = output.length === 1 ? output : flat.length === 1 ? flat : [];
  const name = wanted ?? only?.name;
  if (name === undefined || !names.includes(name)) {
    const what = wanted === undefined ? "expected one, or one of [batch, classes]" : `none is "${wanted}"`;
    throw unsupported(file, `it has ${names.length} outputs (${names.join(", ")}); ${what}`);
  }
  return name;
}

/** The nodes that an output depends on, in the file's order. */
function needed(nodes: readonly OnnxNode[], output: string): readonly OnnxNode[] {
  const wanted = new Set([output]);
  const kept = nodes.toReversed().filter(({ inputs, outputs }) => {
    if (!outputs.some((name) => wanted.has(name))) return false;
    for (const name of inputs) wanted.add(name);
    return true;
  });
  return kept.toReversed();
}

/** Operators of constants that patterns look through. */
const RENAMING: ReadonlySet<string> = new Set(["Constant", "Identity", "Unsqueeze", "Squeeze", "Reshape", "Cast"]);

function viewOf(nodes: readonly OnnxNode[], tensorNamed: (name: string) => Constant | undefined): NodeView {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const readers = new Map<string, OnnxNode[]>();
  for (const node of nodes) for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  const constantMade = (name: string): Constant | undefined => {
    const maker = makers.get(name);
    if (maker === undefined) return tensorNamed(name);
    if (!RENAMING.has(maker.op)) return undefined;
    const inputs = maker.inputs.map(constantMade);
    if (inputs.includes(undefined)) return undefined;
    return FOLDS[maker.op]!(maker, inputs as readonly Constant[], 1) as Constant;
  };
  return {
    nodes,
    makerOf: (name) => makers.get(name),
    readersOf: (name) => readers.get(name) ?? [],
    constantOf: constantMade,
  };
}

interface Begun {
  readonly draft: Draft;
  readonly variable: Variable;
  readonly batch: Atom;
  readonly note?: string;
}

/** The input of a file as the engine has it: images with their channels last, whether the file has them so or not. */
function begun(name: string, { name: input, extents }: InputValue, nodes: readonly OnnxNode[], file: string): Begun {
  const [open, ...sample] = extents;
  const batch: Atom = { extent: open ?? BATCH };
  if (sample.length === 0 || sample.some((extent) => extent === undefined)) {
    const shown = extents.map((extent) => extent ?? "?").join(", ");
    throw unsupported(
      file,
      `its input "${input}" has the shape [${shown}]; expected all but the batch to be fixed`,
      "Export the model with a fixed image size.",
    );
  }
  const axes = (sample as readonly number[]).map(atomsOf);
  const isImage = axes.length === 3;
  const isChannelsLast = isImage && readsChannelsLast(input, sample as SampleShape, nodes);
  const inEngine = isImage && !isChannelsLast ? [axes[1]!, axes[2]!, axes[0]!] : axes;
  const shape = inEngine.map(extentOf);
  const draft = new Draft(plainName(name), plainName(input), shape);
  const batchAxis = batch.extent === 1 ? [] : [batch];
  const variable: Variable = {
    kind: "variable",
    node: draft.input,
    order: inEngine.flat(),
    axes: [batchAxis, ...axes],
  };
  return { draft, variable, batch };
}

const CHANNELS: ReadonlySet<number> = new Set([1, 3, 4]);

/** Whether images have their channels last in the file, as TensorFlow's converters leave it: the extents say, or who reads. */
function readsChannelsLast(input: string, [first = 0, , last = 0]: SampleShape, nodes: readonly OnnxNode[]): boolean {
  if (CHANNELS.has(first) !== CHANNELS.has(last)) return CHANNELS.has(last);
  const reader = nodes.find(({ inputs }) => inputs.includes(input));
  return reader?.op === "Transpose" && reader.attributes.ints("perm")?.join() === "0,3,1,2";
}

function plainName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_.\-/]/g, "_").replace(/^[^A-Za-z0-9.]+/, "") || "onnx";
}
