import { MpoError } from "@mpo/core";
import type { OpPlace } from "../ops/op-definition.ts";
import { opDefinition } from "../ops/op-table.ts";
import type { ModelGraph, ModelNode, SampleShape } from "./model-graph.ts";

/**
 * Shape of each node's output for one sample, by name, in execution order.
 * Throws `invalid-argument`, naming the node, when an operation does not fit its inputs.
 */
export function sampleShapes(graph: ModelGraph): ReadonlyMap<string, SampleShape> {
  const shapes = new Map<string, SampleShape>();
  for (const node of graph.nodes) shapes.set(node.name, nodeShape(node, inputShapesOf(node, shapes)));
  return shapes;
}

/** Shapes of a node's inputs. Throws `invalid-argument` when an input is not among the shapes, so not before the node. */
export function inputShapesOf(node: ModelNode, shapes: ReadonlyMap<string, SampleShape>): readonly SampleShape[] {
  return node.inputs.map((input) => {
    const shape = shapes.get(input);
    if (shape === undefined) {
      throw new MpoError("invalid-argument", `node "${node.name}" reads "${input}", which is not an earlier node`);
    }
    return shape;
  });
}

/** Shape of a node's output. Throws `invalid-argument`, naming the node, when it does not fit its inputs. */
export function nodeShape(node: ModelNode, inputShapes: readonly SampleShape[]): SampleShape {
  try {
    return opDefinition(node.kind).outputShape(node.attributes, inputShapes);
  } catch (thrown) {
    const error = MpoError.from(thrown);
    throw error.with({ message: `node "${node.name}": ${error.message}` });
  }
}

/** What an operation knows of its place in a model with these sample shapes. */
export function placeOf(
  node: ModelNode,
  shapes: ReadonlyMap<string, SampleShape>,
  isReadByReluOnly: boolean = false,
): OpPlace<never> {
  return {
    attributes: node.attributes as never,
    inputShapes: inputShapesOf(node, shapes),
    outputShape: shapes.get(node.name)!,
    isReadByReluOnly,
  };
}
