import type { ActivationName, OpAttributes } from "../model-graph.ts";
import { transposition } from "./constants.ts";
import { axisOf } from "./fold-movement.ts";
import type { ImportState } from "./import-state.ts";
import { imageInput } from "./inputs.ts";
import { merged, type Variable, withFactor } from "./layout.ts";
import type { OnnxImport } from "./movement-import.ts";
import { nodeName } from "./node-name.ts";
import { notSupported, type OnnxNode } from "./onnx-node.ts";
import { imageResult, placed, settled } from "./placing.ts";

type Activation = OpAttributes["activation"];

export const ACTIVATION_IMPORTS: Readonly<Record<string, OnnxImport>> = {
  Relu: activation("relu"),
  Sigmoid: activation("sigmoid"),
  Tanh: activation("tanh"),
  Softplus: activation("softplus"),
  Softsign: activation("softsign"),
  HardSwish: activation("hardSwish"),
  /** `x * sigmoid(scale * x)`: a swish of `scale * x`, divided by it again (CLIP's quick GELU). */
  "mpo.Swish": (node, state) => {
    const scale = node.attributes.float("scale", 1);
    const x = state.variable(node, 0);
    const ready = settled(state, withFactor(x, (x.factor ?? 1) * scale));
    put(node, state, withFactor(ready, 1 / scale), { function: "swish" }, ready.node);
  },
  "mpo.Gelu": activation("gelu"),
  Selu: activated((node) => {
    requireNear(node, "alpha", 1.6732632);
    requireNear(node, "gamma", 1.050701);
    return { function: "selu" };
  }),
  Elu: activated((node) => {
    requireNear(node, "alpha", 1);
    return { function: "elu" };
  }),
  Gelu: (node, state) => {
    const x = state.settled(node, 0);
    const isExact = node.attributes.text("approximate", "none") === "none";
    if (isExact) put(node, state, x, { function: "gelu" }, x.node);
    else state.set(node.outputs[0]!, { ...x, node: geluOfTanh(x.node, nodeName(node), state) });
  },
  LeakyRelu: activated((node) => ({ function: "leakyRelu", slope: node.attributes.float("alpha", 0.01) })),
  HardSigmoid: activated((node) => {
    requireNear(node, "beta", 0.5);
    // Attributes are float32: 1/6 of PyTorch is told from other slopes by nearness.
    const slope = node.attributes.float("alpha", 0.2);
    return Math.abs(slope - 1 / 6) < 1e-6 ? { function: "hardSigmoid" } : { function: "hardSigmoid", slope };
  }),
  Clip: activated((node, state) => {
    const [least, most] = [limit(node, state, 1, "min"), limit(node, state, 2, "max")];
    if (least === 0 && most === undefined) return { function: "relu" };
    if (least === 0 && most !== undefined && most > 0) {
      return most === 6 ? { function: "relu6" } : { function: "clippedRelu", most };
    }
    throw notSupported(node, `it keeps values between ${least} and ${most}; expected from 0 on`);
  }),
  Dropout: (node, state) => {
    const rate = state.has(node, 1) ? state.scalar(node, 1) : 0.5;
    const isTraining = state.has(node, 2) && state.scalar(node, 2) !== 0;
    const x = state.settled(node, 0);
    const made = isTraining && rate > 0 ? state.draft.put("dropout", [x.node], { rate }, nodeName(node)) : x.node;
    state.set(node.outputs[0]!, { ...x, node: made });
  },
  PRelu: (node, state) => {
    const { shape } = state.constant(node, 1);
    const image = imageInput(state, node, 0);
    const channels = state.draft.shapeOf(image.node).at(-1);
    const [own = 1, ...rest] = shape.length === 1 ? [shape[0]!, 1, 1] : shape.slice(-3);
    if (own !== channels || rest.some((extent) => extent !== 1)) {
      throw notSupported(node, `its slopes have the shape [${shape}]; expected one for each channel`);
    }
    const alpha = state.parameter(node, 1, transposition([own], [0]));
    const prelu = state.draft.put("prelu", [image.node], { sharedAxes: [0, 1] }, nodeName(node, 1), { alpha });
    state.set(node.outputs[0]!, imageResult(state, prelu));
  },
  Softmax: (node, state) => {
    const value = state.value(node, 0);
    const axis = node.attributes.int("axis", -1);
    if (value.kind === "scores") {
      if (axis !== -1 && axis !== value.queries.axes.length - 1)
        throw notSupported(node, `its axis is ${axis}; expected the last`);
      state.set(node.outputs[0]!, { ...value, isWeights: true });
      return;
    }
    const x = merged(settled(state, state.variable(node, 0)));
    const own = x.axes[axisOf(axis, x.axes.length)]!;
    if (own.includes(state.batch)) throw notSupported(node, "it mixes the samples of a batch");
    const before = x.order.slice(0, Math.max(0, x.order.indexOf(own[0]!)));
    const after = x.order.filter((atom) => !own.includes(atom) && !before.includes(atom));
    const axes = [before, own, after].filter((atoms) => atoms.length > 0 || atoms === own);
    const map = placed(state, x, axes, node);
    const attributes = { function: "softmax", ...(after.length === 0 ? {} : { axis: axes.indexOf(own) }) } as const;
    put(node, state, map.variable, attributes, map.node);
  },
};

function activation(function_: ActivationName): OnnxImport {
  return activated(() => ({ function: function_ }));
}

function activated(attributesOf: (node: OnnxNode, state: ImportState) => Activation): OnnxImport {
  return (node, state) => {
    const x = state.settled(node, 0);
    put(node, state, x, attributesOf(node, state), x.node);
  };
}

function put(node: OnnxNode, state: ImportState, x: Variable, attributes: Activation, input: string): void {
  state.set(node.outputs[0]!, { ...x, node: state.draft.put("activation", [input], attributes, nodeName(node)) });
}

/** `x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2`. */
function geluOfTanh(x: string, name: string, { draft }: ImportState): string {
  const line = (node: string, scale: number, offset: number): string =>
    draft.put("affine", [node], { scale: [scale], offset: [offset] }, `${name}_line`);
  const by = (node: string, wish: string): string => draft.put("multiply", [x, node], {}, wish);
  const slope = Math.sqrt(2 / Math.PI);
  const inner = by(line(by(x, `${name}_square`), 0.044715 * slope, slope), `${name}_inner`);
  const tanh = draft.put("activation", [inner], { function: "tanh" }, `${name}_tanh`);
  return by(line(tanh, 0.5, 0.5), name);
}

function requireNear(node: OnnxNode, attribute: string, expected: number): void {
  const value = node.attributes.float(attribute, expected);
  if (Math.abs(value - expected) > 1e-4) throw notSupported(node, `its ${attribute} is ${value}; expected ${expected}`);
}

function limit(node: OnnxNode, state: ImportState, index: number, attribute: string): number | undefined {
  if (state.has(node, index)) return state.scalar(node, index);
  return node.attributes.has(attribute) ? node.attributes.float(attribute, 0) : undefined;
}
