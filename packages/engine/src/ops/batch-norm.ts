import { fixedBytes, perSampleBytes } from "@mpo/core";
import { type Attributes, attr } from "../graph/graph-proto.ts";
import { elementsOf, type NormAttributes, type OpAttributes } from "../model/model-graph.ts";
import { changeOf, emitRenormalised } from "./blended-norm.ts";
import { FLOAT_BYTES, opFacts } from "./facts.ts";
import type { ForwardEmission, ForwardResult, OpDefinition, VariableSpec } from "./op-definition.ts";
import { imageShape } from "./window.ts";

const STATISTICS_OUTPUTS = { mean: 1, variance: 2, reserve1: 3, reserve2: 4 } as const;
/**
 * Fused with the ReLU after it, the kernel writes a mask that no gradient here reads (the ReLU's reads its output): four
 * times what oneDNN asks for, which is a bit for each element on x86_64 and a byte on arm64.
 */
const FUSED_MASK_BYTES_PER_ELEMENT = process.arch === "arm64" ? 4 : 0.5;

/** Batch normalisation over batch, height and width (Ioffe and Szegedy 2015). Input `[h, w, c]`. */
export const batchNorm: OpDefinition<"batchNorm"> = {
  layerClass: "normalisation",

  outputShape(_attributes, [input]) {
    return imageShape("batchNorm", input);
  },

  variables(attributes, [input]) {
    const shape = imageShape("batchNorm", input).slice(-1);
    return [
      ...scaleAndShift(attributes, shape),
      { name: "moving_mean", shape, initializer: "zeros", trainable: false },
      { name: "moving_variance", shape, initializer: "ones", trainable: false },
    ];
  },

  facts({ outputShape, isReadByReluOnly }) {
    const channels = outputShape[2]!;
    const maskBytes = isReadByReluOnly ? elementsOf(outputShape) * FUSED_MASK_BYTES_PER_ELEMENT : 0;
    const needs = { inputs: [0], output: false, statistics: true };
    return opFacts({
      isCompiled: true,
      worksInPool: true,
      forwardWork: perSampleBytes(maskBytes),
      statisticsBytes: fixedBytes(4 * channels * FLOAT_BYTES),
      flopsPerSample: 8 * elementsOf(outputShape),
      isJoint: true,
      inputNeeds: needs,
      parameterNeeds: needs,
    });
  },

  emitForward(emission) {
    const { emit, inputs, variable, training } = emission;
    const momentum = emission.statisticsMomentum ?? emission.attributes.momentum;
    const gamma = scaleOf(emission);
    const beta = emission.attributes.center ? variable("beta") : constantOf(emission, 0);
    const attributes = { ...normAttributes(emission.attributes, training), exponential_avg_factor: attr.float(1) };
    const moving = training
      ? [constantOf(emission, 0), constantOf(emission, 1)]
      : [variable("moving_mean"), variable("moving_variance")];
    const norm = emit.node("FusedBatchNormV3", [inputs[0]!, gamma, beta, ...moving], attributes);
    if (training && emission.blendsStatistics) return blended(emission, norm, gamma, beta);
    if (emission.updatesMovingStatistics) {
      updateMoving(emission, "moving_mean", `${norm}:${STATISTICS_OUTPUTS.mean}`, 1 - momentum);
      updateMoving(emission, "moving_variance", `${norm}:${STATISTICS_OUTPUTS.variance}`, 1 - momentum);
    }
    const { reserve1, reserve2 } = STATISTICS_OUTPUTS;
    return { output: norm, statistics: [reserve1, reserve2].map((output) => `${norm}:${output}`) };
  },

  emitBackward(emission) {
    const { emit, gradient } = emission;
    const [mean = "", variance = ""] = emission.savedStatistics();
    // The last input would be the mask, and keep it alive from the forward pass on: kernels for processors read none.
    const inputs = [gradient, emission.savedInput(0), scaleOf(emission), mean, variance, variance];
    // Moving statistics hardly depend on the micro-batch: the gradient is that of a model that infers with them.
    const isTraining = !emission.blendsStatistics;
    const norm = emit.node("FusedBatchNormGradV3", inputs, normAttributes(emission.attributes, isTraining));
    return {
      inputs: [emission.wantsInput(0) ? norm : undefined],
      parameters: { gamma: `${norm}:1`, beta: `${norm}:2` },
    };
  },
};

/** The variables that every normalisation may have. */
export function scaleAndShift({ scale, center }: NormAttributes, shape: readonly number[]): readonly VariableSpec[] {
  const gamma = { name: "gamma", shape, initializer: "ones", trainable: true } as const;
  const beta = { name: "beta", shape, initializer: "zeros", trainable: true } as const;
  return [...(scale ? [gamma] : []), ...(center ? [beta] : [])];
}

/** Normalised by the moving statistics after they have moved: those of a few samples say little of the next. */
function blended(emission: ForwardEmission<"batchNorm">, output: string, gamma: string, beta: string): ForwardResult {
  const { emit } = emission;
  const { epsilon } = emission.attributes;
  const { reserve1, reserve2 } = STATISTICS_OUTPUTS;
  const own = { mean: `${output}:${reserve1}`, variance: `${output}:${reserve2}` };
  const running = { mean: emission.variable("moving_mean"), variance: emission.variable("moving_variance") };
  const change = changeOf(emit, running, own, emission.statisticsShare);
  if (emission.updatesMovingStatistics) {
    moveBy(emission, "moving_mean", change.mean);
    moveBy(emission, "moving_variance", change.variance);
  }
  const mean = emit.float32("AddV2", running.mean, change.mean);
  const variance = emit.float32("AddV2", running.variance, change.variance);
  const renormalised = emitRenormalised(emit, { output, own, gamma, beta, epsilon }, { mean, variance });
  return { output: renormalised, statistics: [mean, variance] };
}

/** A recompute reads what was read before, whenever it runs: a variable that others hold is copied before it changes. */
function moveBy({ emit, handle }: ForwardEmission<"batchNorm">, name: string, change: string): void {
  emit.aside(() => {
    emit.node("AssignAddVariableOp", [handle(name), change], { dtype: "float" });
  });
}

function updateMoving(emission: ForwardEmission<"batchNorm">, name: string, batch: string, share: number): void {
  const { emit } = emission;
  emit.aside(() => {
    const distance = emit.float32("Sub", emission.variable(name), batch);
    const change = emit.float32("Mul", distance, emit.float32("Mul", emission.statisticsShare, emit.float(share)));
    emit.node("AssignSubVariableOp", [emission.handle(name), change], { dtype: "float" });
  });
}

type Place = Pick<ForwardEmission<"batchNorm">, "emit" | "variable" | "attributes" | "outputShape">;

function scaleOf(place: Place): string {
  return place.attributes.scale ? place.variable("gamma") : constantOf(place, 1);
}

function constantOf({ emit, outputShape }: Pick<Place, "emit" | "outputShape">, value: number): string {
  return emit.floats(new Array<number>(outputShape[2]!).fill(value));
}

function normAttributes({ epsilon }: OpAttributes["batchNorm"], training: boolean): Attributes {
  return {
    T: "float",
    U: "float",
    epsilon: attr.float(epsilon),
    is_training: attr.bool(training),
    data_format: attr.text("NHWC"),
  };
}
