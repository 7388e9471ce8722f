import { type AffineBytes, addBytes, fixedBytes, type LayerClass, NO_BYTES } from "@mpo/core";
import { elementsOf, type OpAttributes, type SampleShape } from "../model/model-graph.ts";
import { FLOAT_BYTES, NEEDS_INPUT, opFacts } from "./facts.ts";
import type { BackwardEmission, ForwardEmission, Initializer, OpDefinition } from "./op-definition.ts";

/** What distinguishes one operation with a kernel, and perhaps a bias, from another. Kernels' gradients have the kernel's shape. */
interface KernelOp<Kind extends "conv2d" | "depthwiseConv2d" | "dense"> {
  readonly layerClass: LayerClass | ((attributes: OpAttributes[Kind]) => LayerClass);
  /** The variable's name. */
  readonly kernel: string;
  readonly initializer: Initializer;
  /** What the library copies into an order of its own: work space as large as the kernel. */
  reorders(attributes: OpAttributes[Kind]): "nothing" | "kernel" | "kernelAndGradient";
  /** Bytes of a copy of the input, made for the kernel, for its gradient, and as the gradient of the input; absent: none. */
  copyBytes?(attributes: OpAttributes[Kind], input: SampleShape | undefined): AffineBytes;
  kernelShape(attributes: OpAttributes[Kind], input: SampleShape | undefined): readonly number[];
  outputShape(attributes: OpAttributes[Kind], input: SampleShape | undefined): SampleShape;
  emitForward(emission: ForwardEmission<Kind>, kernel: string): string;
  /** Gives what was computed the shape of the output; absent: it has that shape. */
  shaped?(emission: ForwardEmission<Kind>, result: string): string;
  emitKernelGradient(emission: BackwardEmission<Kind>, shape: readonly number[]): string;
  emitInputGradient(emission: BackwardEmission<Kind>, shape: readonly number[]): string;
}

/** The definition of an operation that multiplies by a kernel and may add a bias to each channel of its output. */
export function kernelOp<Kind extends "conv2d" | "depthwiseConv2d" | "dense">(op: KernelOp<Kind>): OpDefinition<Kind> {
  return {
    layerClass: op.layerClass,
    outputShape: (attributes, [input]) => op.outputShape(attributes, input),

    variables(attributes, [input]) {
      const kernel = op.kernelShape(attributes, input);
      const bias = op.outputShape(attributes, input).slice(-1);
      return [
        { name: op.kernel, shape: kernel, initializer: op.initializer, trainable: true },
        ...(attributes.useBias ? [{ name: "bias", shape: bias, initializer: "zeros", trainable: true } as const] : []),
      ];
    },

    facts({ attributes, inputShapes, outputShape }) {
      const kernelElements = elementsOf(op.kernelShape(attributes, inputShapes[0]));
      const copied = op.copyBytes?.(attributes, inputShapes[0]) ?? NO_BYTES;
      const reorders = op.reorders(attributes);
      const reordered = addBytes(copied, fixedBytes(kernelElements * FLOAT_BYTES));
      const work = reorders === "nothing" ? copied : reordered;
      return opFacts({
        isCompiled: reorders !== "nothing",
        forwardWork: work,
        inputWork: work,
        parameterWork: reorders === "kernelAndGradient" ? reordered : copied,
        flopsPerSample: 2 * kernelElements * elementsOf(outputShape.slice(0, -1)),
        parameterNeeds: NEEDS_INPUT,
      });
    },

    emitForward(emission) {
      const { emit, attributes, variable } = emission;
      const product = op.emitForward(emission, variable(op.kernel));
      const result = attributes.useBias ? emit.float32("BiasAdd", product, variable("bias")) : product;
      return { output: op.shaped?.(emission, result) ?? result };
    },

    emitBackward(emission) {
      const { attributes, inputShapes } = emission;
      const shape = op.kernelShape(attributes, inputShapes[0]);
      const parameters: Record<string, string> = {};
      if (emission.wantsParameter(op.kernel)) parameters[op.kernel] = op.emitKernelGradient(emission, shape);
      if (attributes.useBias && emission.wantsParameter("bias")) {
        parameters["bias"] = emission.emit.float32("BiasAddGrad", emission.gradient);
      }
      return emission.wantsInput(0) ? { parameters, inputs: [op.emitInputGradient(emission, shape)] } : { parameters };
    },
  };
}
