import { perSampleBytes } from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import type { ActivationName, OpAttributes, SampleShape } from "../model/model-graph.ts";
import { elementsOf } from "../model/model-graph.ts";
import { FLOAT_BYTES, NEEDS_INPUT, NEEDS_NOTHING, NEEDS_OUTPUT, opFacts } from "./facts.ts";
import { misfit } from "./misfit.ts";
import type { OpDefinition } from "./op-definition.ts";

type Attributes = OpAttributes["activation"];

/** How one activation function is computed and differentiated. */
interface ActivationRule {
  readonly forward: (emit: GraphEmitter, x: string, attributes: Attributes) => string;
  /** Gradient of the input from the gradient and the saved tensor (input or output, as `reads` says). */
  readonly backward: (emit: GraphEmitter, gradient: string, saved: string, attributes: Attributes) => string;
  readonly reads: "input" | "output" | "nothing";
  /** Tensors of the input's size that the gradient holds while it runs, in addition to input and output. */
  readonly backwardWork: number;
  /** The output is written over the input. */
  readonly overwrites: boolean;
  /** The input's gradient is written over the output's. */
  readonly overwritesGradient: boolean;
}

export const DEFAULT_HARD_SIGMOID_SLOPE = 1 / 6;
/** The error function's slope is `2 / sqrt(pi) * exp(-x^2)`. */
const LOG_OF_ERF_SLOPE = Math.log(2 / Math.sqrt(Math.PI));

const RULES: Readonly<Record<ActivationName, ActivationRule>> = {
  linear: simple(
    (_emit, x) => x,
    (_emit, gradient) => gradient,
    "nothing",
  ),
  relu: simple(
    (emit, x) => emit.float32("Relu", x),
    (emit, gradient, y) => emit.float32("ReluGrad", gradient, y),
    "output",
  ),
  relu6: simple(
    (emit, x) => emit.float32("Relu6", x),
    (emit, gradient, y) => emit.float32("Relu6Grad", gradient, y),
    "output",
  ),
  sigmoid: simple(
    (emit, x) => emit.float32("Sigmoid", x),
    (emit, gradient, y) => emit.float32("SigmoidGrad", y, gradient),
    "output",
  ),
  tanh: simple(
    (emit, x) => emit.float32("Tanh", x),
    (emit, gradient, y) => emit.float32("TanhGrad", y, gradient),
    "output",
  ),
  swish: {
    forward: (emit, x) => emit.float32("Mul", x, emit.float32("Sigmoid", x)),
    backward: (emit, gradient, x) => {
      const gate = emit.float32("Sigmoid", x);
      // x * gate * (1 - gate).
      const throughGate = emit.float32("SigmoidGrad", gate, x);
      return emit.float32("Mul", gradient, emit.float32("AddV2", gate, throughGate));
    },
    reads: "input",
    backwardWork: 1,
    overwrites: false,
    overwritesGradient: true,
  },
  hardSigmoid: {
    forward: (emit, x, { slope = DEFAULT_HARD_SIGMOID_SLOPE }) => {
      const line = emit.float32("AddV2", emit.float32("Mul", x, emit.float(slope)), emit.float(0.5));
      return emit.float32("Minimum", emit.float32("Relu", line), emit.float(1));
    },
    backward: (emit, gradient, y, { slope = DEFAULT_HARD_SIGMOID_SLOPE }) => {
      const aboveZero = emit.float32("ReluGrad", gradient, y);
      const belowOne = emit.float32("ReluGrad", aboveZero, emit.float32("Sub", emit.float(1), y));
      return emit.float32("Mul", belowOne, emit.float(slope));
    },
    reads: "output",
    backwardWork: 1,
    overwrites: true,
    overwritesGradient: true,
  },
  hardSwish: {
    forward: (emit, x) => {
      const gate = emit.float32("Relu6", emit.float32("AddV2", x, emit.float(3)));
      return emit.float32("Mul", emit.float32("Mul", gate, emit.float(1 / 6)), x);
    },
    backward: (emit, gradient, x) => {
      const moved = emit.float32("AddV2", x, emit.float(3));
      const scaled = emit.float32("Mul", gradient, emit.float(1 / 6));
      const throughGate = emit.float32("Relu6Grad", emit.float32("Mul", scaled, x), moved);
      const direct = emit.float32("Mul", emit.float32("Relu6", moved), scaled);
      return emit.float32("AddV2", direct, throughGate);
    },
    reads: "input",
    backwardWork: 2,
    overwrites: false,
    overwritesGradient: false,
  },
  leakyRelu: simple(
    (emit, x, { slope = 0 }) => leaky(emit, "LeakyRelu", [x], slope),
    (emit, gradient, y, { slope = 0 }) => leaky(emit, "LeakyReluGrad", [gradient, y], slope),
    "output",
  ),
  clippedRelu: {
    forward: (emit, x, { most = 0 }) => emit.float32("Minimum", emit.float32("Relu", x), emit.float(most)),
    backward: (emit, gradient, y, { most = 0 }) => {
      const aboveZero = emit.float32("ReluGrad", gradient, y);
      return emit.float32("ReluGrad", aboveZero, emit.float32("Sub", emit.float(most), y));
    },
    reads: "output",
    backwardWork: 1,
    overwrites: true,
    overwritesGradient: true,
  },
  elu: simple(
    (emit, x) => emit.float32("Elu", x),
    (emit, gradient, y) => emit.float32("EluGrad", gradient, y),
    "output",
  ),
  selu: simple(
    (emit, x) => emit.float32("Selu", x),
    (emit, gradient, y) => emit.float32("SeluGrad", gradient, y),
    "output",
  ),
  gelu: {
    forward: (emit, x) => {
      const scaled = emit.float32("Mul", x, emit.float(Math.SQRT1_2));
      return emit.float32("Mul", half(emit, emit.float32("Erf", scaled)), x);
    },
    // Every result but two is written over an operand: the error function waits for what else reads its own.
    backward: (emit, gradient, x) => {
      const scaled = emit.float32("Mul", x, emit.float(Math.SQRT1_2));
      const exponent = emit.float32("Sub", emit.float(LOG_OF_ERF_SLOPE), emit.float32("Square", scaled));
      const density = emit.float32("Mul", emit.float32("Exp", exponent), scaled);
      const error = emit.float32("Erf", scaled, `^${density}`);
      return emit.float32("Mul", gradient, half(emit, emit.float32("AddV2", error, density)));
    },
    reads: "input",
    backwardWork: 1,
    overwrites: false,
    overwritesGradient: true,
  },
  softplus: simple(
    (emit, x) => emit.float32("Softplus", x),
    (emit, gradient, x) => emit.float32("SoftplusGrad", gradient, x),
    "input",
  ),
  softsign: simple(
    (emit, x) => emit.float32("Softsign", x),
    (emit, gradient, x) => emit.float32("SoftsignGrad", gradient, x),
    "input",
  ),
  softmax: {
    forward: (emit, x, { axis }) => {
      if (axis === undefined) return emit.float32("Softmax", x);
      const kept = { T: "float", Tidx: "int32", keep_dims: attr.bool(true) } as const;
      const most = emit.node("Max", [x, emit.ints([axis + 1])], kept);
      const powers = emit.float32("Exp", emit.float32("Sub", x, most));
      return emit.float32("RealDiv", powers, emit.sum(powers, [axis + 1], true));
    },
    backward: (emit, gradient, y, { axis }) => {
      const weighted = emit.sum(emit.float32("Mul", gradient, y), [axis === undefined ? -1 : axis + 1], true);
      return emit.float32("Mul", emit.float32("Sub", gradient, weighted), y);
    },
    reads: "output",
    backwardWork: 1,
    overwrites: false,
    overwritesGradient: false,
  },
};

/** Elementwise activation function (and softmax over one axis). */
export const activation: OpDefinition<"activation"> = {
  outputShape({ axis }, [input = []]) {
    if (axis !== undefined && input[axis] === undefined) {
      throw misfit(`activation has axis ${axis} for a sample of shape [${input}]; expected one of its axes`);
    }
    return input;
  },

  facts({ attributes, outputShape }) {
    const rule = RULES[attributes.function];
    return opFacts({
      isAlias: attributes.function === "linear",
      overwrites: rule.overwrites ? [0] : [],
      overwritesGradient: rule.overwritesGradient,
      inputWork: perSampleBytes(rule.backwardWork * elementsOf(outputShape) * FLOAT_BYTES),
      flopsPerSample: elementsOf(outputShape),
      inputNeeds: { input: NEEDS_INPUT, output: NEEDS_OUTPUT, nothing: NEEDS_NOTHING }[rule.reads],
    });
  },

  emitForward({ emit, attributes, inputs, outputShape }) {
    const placed = withoutLastAxis(attributes, outputShape);
    return { output: RULES[attributes.function].forward(emit, inputs[0]!, placed) };
  },

  emitBackward(emission) {
    const rule = RULES[emission.attributes.function];
    const saved = { input: () => emission.savedInput(0), output: () => emission.savedOutput(), nothing: () => "" };
    const placed = withoutLastAxis(emission.attributes, emission.outputShape);
    const gradient = rule.backward(emission.emit, emission.gradient, saved[rule.reads](), placed);
    return { inputs: [gradient] };
  },
};

/** The last axis is the one that TensorFlow has a kernel for; it need not be named. */
function withoutLastAxis({ axis, ...attributes }: Attributes, { length }: SampleShape): Attributes {
  return axis === undefined || axis === length - 1 ? attributes : { ...attributes, axis };
}

function simple(
  forward: ActivationRule["forward"],
  backward: ActivationRule["backward"],
  reads: ActivationRule["reads"],
): ActivationRule {
  return { forward, backward, reads, backwardWork: 0, overwrites: true, overwritesGradient: true };
}

function leaky(emit: GraphEmitter, op: string, inputs: readonly string[], slope: number): string {
  return emit.node(op, inputs, { T: "float", alpha: attr.float(slope) });
}

/**
 * `(1 + x) / 2`, with the addition last: TensorFlow's optimisers pull a factor through other multiplications up to their
 * oldest operand, and of the gradient that product would then be made with the forward pass, and held until the gradient.
 */
function half(emit: GraphEmitter, x: string): string {
  return emit.float32("AddV2", emit.float32("Mul", x, emit.float(0.5)), emit.float(0.5));
}
