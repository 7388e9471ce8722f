import {
  type Chain,
  type ChainOp,
  type ChainParameter,
  type ChainUnit,
  type ChainValue,
  type LayerClass,
  MpoError,
} from "@mpo/core";
import { inputShapesOf, placeOf, sampleShapes } from "../model/graph-shapes.ts";
import { elementsOf, type ModelGraph, type ModelNode, type OpKind } from "../model/model-graph.ts";
import { headOf } from "../model/model-head.ts";
import { variablesOf } from "../model/variables.ts";
import { activationBytes, FLOAT_BYTES } from "../ops/facts.ts";
import { opDefinition } from "../ops/op-table.ts";

/** Kinds that belong to what comes before them when they are its only reader: no checkpoint is worth putting there. */
const FOLLOWERS: ReadonlySet<OpKind> = new Set([
  ...(["batchNorm", "groupNorm", "layerNorm", "affine"] as const),
  ...(["activation", "prelu", "dropout", "reshape", "layerScale"] as const),
  ...(["rearrange", "classToken", "positions", "l2Normalise"] as const),
]);
/** Kinds after which a follower may open a unit all the same (pre-activation networks). */
const OPENS_AFTER: ReadonlySet<OpKind> = new Set(["concat", "maxPool", "avgPool", "upsample", "input"]);
/** Kinds whose small output is not worth its own checkpoint. */
const NEVER_LAST: ReadonlySet<OpKind> = new Set([
  ...(["globalAvgPool", "reshape", "dropout"] as const),
  ...(["slice", "reduce", "l2Normalise"] as const),
]);

/**
 * A model as the chain of units that steps are planned on. Units lie between articulation points: places where all that
 * follows reads one value only. It ends with the logits.
 */
export function chainOf(graph: ModelGraph): Chain {
  const shapes = sampleShapes(graph);
  const { nodes, classifier } = headOf(graph);
  const valueIds = new Map<string, number>();
  const values: ChainValue[] = [];
  const parameters: ChainParameter[] = [];
  const ops: ChainOp[] = [];
  const boundaries = unitEnds(graph, nodes);
  const readByReluOnly = readByRelu(nodes);
  let unit = 0;
  for (const node of nodes) {
    const shape = shapes.get(node.name)!;
    valueIds.set(node.name, values.length);
    if (node.kind === "input") {
      values.push({ id: 0, name: node.name, bytes: activationBytes(shape), unit: -1 });
      continue;
    }
    const definition = opDefinition(node.kind);
    const trained = variablesOf(node, inputShapesOf(node, shapes)).filter(({ trainable }) => trainable);
    const firstParameter = parameters.length;
    for (const spec of trained) {
      parameters.push({
        id: parameters.length,
        name: `${node.name}/${spec.name}`,
        layer: node.name,
        layerClass: node.name === classifier ? "linear" : layerClassOf(node),
        bytes: elementsOf(spec.shape) * FLOAT_BYTES,
      });
    }
    const facts = definition.facts(placeOf(node, shapes, readByReluOnly.has(node.name)));
    values.push({ id: values.length, name: node.name, bytes: activationBytes(shape), unit });
    ops.push({
      id: ops.length,
      name: node.name,
      kind: node.kind,
      unit,
      inputs: node.inputs.map((name) => valueIds.get(name)!),
      output: values.length - 1,
      parameters: trained.map((_, position) => firstParameter + position),
      ...facts,
    });
    if (boundaries.has(node.name)) unit += 1;
  }
  return {
    model: graph.name,
    input: 0,
    output: values.length - 1,
    values,
    parameters,
    ops,
    units: unitsOf(ops, values.length - 1),
  };
}

function layerClassOf({ kind, attributes }: ModelNode): LayerClass {
  const { layerClass = "linear" } = opDefinition(kind);
  return typeof layerClass === "string" ? layerClass : layerClass(attributes as never);
}

/** Names of the nodes whose only reader is a ReLU. */
function readByRelu(nodes: readonly ModelNode[]): ReadonlySet<string> {
  const readers = new Map<string, ModelNode[]>();
  for (const node of nodes) {
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const names = [...readers].filter(([, [first, second]]) => {
    return second === undefined && first?.kind === "activation" && first.attributes.function === "relu";
  });
  return new Set(names.map(([name]) => name));
}

/** Names of the nodes that end a unit. */
function unitEnds(graph: ModelGraph, nodes: readonly ModelNode[]): ReadonlySet<string> {
  const position = new Map(nodes.map(({ name }, index) => [name, index]));
  const consumers = nodes.map((): number[] => []);
  nodes.forEach((node, index) => {
    for (const name of node.inputs) consumers[position.get(name)!]?.push(index);
  });
  const ends = new Set<string>();
  /** Furthest reader of any value produced before the current node. */
  let furthest = -1;
  nodes.forEach((node, index) => {
    const readers = consumers[index]!;
    const isArticulation = furthest <= index;
    furthest = Math.max(furthest, ...readers);
    if (node.kind === "input") return;
    if (index === nodes.length - 1) {
      ends.add(node.name);
      return;
    }
    if (readers.length === 0) {
      throw new MpoError("invalid-argument", `model ${graph.name}: nothing reads the output of ${node.name}`);
    }
    const next = nodes[index + 1]!;
    const continues = readers.length === 1 && FOLLOWERS.has(next.kind) && !OPENS_AFTER.has(node.kind);
    if (isArticulation && !continues && !NEVER_LAST.has(node.kind)) ends.add(node.name);
  });
  return ends;
}

function unitsOf(ops: readonly ChainOp[], output: number): readonly ChainUnit[] {
  const units: ChainUnit[] = [];
  let firstOp = 0;
  let input = 0;
  ops.forEach((op, index) => {
    const isLast = index === ops.length - 1 || ops[index + 1]!.unit !== op.unit;
    if (!isLast) return;
    units.push({ name: ops[firstOp]!.name, firstOp, lastOp: index, input, output: op.output });
    firstOp = index + 1;
    input = op.output;
  });
  if (units[units.length - 1]?.output !== output) throw new MpoError("internal", "the last unit is not the output's");
  return units;
}
