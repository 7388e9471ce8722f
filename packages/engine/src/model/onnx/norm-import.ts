import type { Parameter } from "./draft.ts";
import type { ImportState } from "./import-state.ts";
import { imageInput, lastAxisInput } from "./inputs.ts";
import type { Variable } from "./layout.ts";
import type { OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { imageResult, inShape, placed, sampleAxes } from "./placing.ts";

/** ONNX's own, where a node does not say. */
const EPSILON = 1e-5;
const MOMENTUM = 0.9;

export const NORM_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  BatchNormalization: (node, state) => {
    const { epsilon } = withEpsilon(node);
    // ONNX's momentum is the kept share, as the engine's is.
    const momentum = node.attributes.float("momentum", MOMENTUM);
    const x = state.variable(node, 0);
    const rank = x.axes.length;
    if (node.attributes.int("training_mode", 0) === 1) {
      state.note(
        "the file normalises by each batch, as while it was trained; here it is evaluated by moving statistics",
      );
    }
    const image = rank === 2 ? featuresAsImage(state, x, node) : imageInput(state, node, 0).node;
    const norm = state.draft.put(
      "batchNorm",
      [image],
      { epsilon, momentum, scale: true, center: true },
      nodeName(node, 1),
      {
        gamma: state.parameter(node, 1),
        beta: state.parameter(node, 2),
        moving_mean: state.parameter(node, 3),
        moving_variance: state.parameter(node, 4),
      },
    );
    const result = imageResult(state, norm);
    state.set(node.outputs[0]!, rank === 2 ? { ...result, axes: result.axes.slice(0, 2) } : result);
  },
  LayerNormalization: (node, state) => {
    const rank = state.variable(node, 0).axes.length;
    const axis = node.attributes.int("axis", -1);
    if (axis !== -1 && axis !== rank - 1)
      throw notSupported(node, `it is over the axes from ${axis} on; expected the last`);
    layerNorm(node, state, withEpsilon(node).epsilon);
  },
  "mpo.L2Normalise": (node, state) => {
    const { node: x, variable } = lastAxisInput(state, node, 0);
    const axis = node.attributes.float("axis", -1);
    if (axis !== -1 && axis !== state.variable(node, 0).axes.length - 1)
      throw notSupported(node, `it brings vectors along axis ${axis} to length 1; expected the last`);
    const normalised = state.draft.put("l2Normalise", [x], withEpsilon(node), nodeName(node));
    state.set(node.outputs[0]!, { ...variable, node: normalised });
  },
  "mpo.LayerNorm": (node, state) => layerNorm(node, state, withEpsilon(node).epsilon),
  GroupNormalization: (node, state) => {
    const groups = node.attributes.int("num_groups", 1);
    const channels = state.shape(node, 0)[1]!;
    if (state.constant(node, 1).values.length !== channels) {
      throw notSupported(node, "it has one scale for each group; expected one for each channel, as since opset 21");
    }
    groupNorm(node, state, groups);
  },
  InstanceNormalization: (node, state) => groupNorm(node, state, state.shape(node, 0)[1]!),
  "mpo.GroupNorm": (node, state) => {
    const channels = state.shape(node, 0)[1]!;
    const groups = node.attributes.int("num_groups", 1);
    // What lies between the reshapes is read as constants: the inputs after gamma and beta.
    const [to, back] = [state.ints(node, 3), state.shape(node, 0)];
    const isPlain = (index: number, value: number): boolean =>
      state.constant(node, index).values.every((each) => each === value);
    const isInGroups =
      (to[1] === groups || to.length === 3) && channels % groups === 0 && isPlain(5, 1) && isPlain(6, 0);
    const after = state.ints(node, 4);
    if (!isInGroups || after.some((extent, axis) => extent > 0 && extent !== back[axis])) {
      throw notSupported(node, `it normalises [${back}] as [${to}]; expected groups of channels`);
    }
    groupNorm(node, state, groups);
  },
};

function withEpsilon({ attributes }: OnnxNode): { readonly epsilon: number } {
  return { epsilon: attributes.float("epsilon", EPSILON) };
}

function layerNorm(node: OnnxNode, state: ImportState, epsilon: number): void {
  const { node: x, variable } = lastAxisInput(state, node, 0);
  const parameters: Record<string, Parameter> = {};
  const [scale, center] = [state.has(node, 1), state.has(node, 2)];
  if (scale) parameters["gamma"] = state.parameter(node, 1);
  if (center) parameters["beta"] = state.parameter(node, 2);
  const norm = state.draft.put("layerNorm", [x], { epsilon, scale, center }, nodeName(node, 1), parameters);
  state.set(node.outputs[0]!, { ...variable, node: norm });
}

function groupNorm(node: OnnxNode, state: ImportState, groups: number): void {
  const image = imageInput(state, node, 0);
  const attributes = { groups, ...withEpsilon(node), scale: true, center: true };
  const norm = state.draft.put("groupNorm", [image.node], attributes, nodeName(node, 1), {
    gamma: state.parameter(node, 1),
    beta: state.parameter(node, 2),
  });
  state.set(node.outputs[0]!, imageResult(state, norm));
}

function featuresAsImage(state: ImportState, x: Variable, node: OnnxNode): string {
  const [channels = []] = sampleAxes(state, x, node);
  const features = placed(state, x, [channels], node).node;
  return inShape(state, features, [1, 1, ...state.draft.shapeOf(features)]);
}
